/** Where the function's own metrics go in CloudWatch: written by it, watched by alarms. */
export const METRICS_NAMESPACE = 'Weirhouse'

/** Names another namespace, so that environments which share an account and region keep their metrics apart. */
export const NAMESPACE_VARIABLE = 'WEIRHOUSE_METRICS_NAMESPACE'
