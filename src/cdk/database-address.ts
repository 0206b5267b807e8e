/** Where PostgreSQL listens. */
export const DATABASE_PORT = 5432
/** The database within the instance. */
export const DATABASE_NAME = 'weirhouse'
