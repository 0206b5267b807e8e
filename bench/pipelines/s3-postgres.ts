import { benchPipeline, lake, sql } from './sinks.ts'

export default benchPipeline('s3-postgres', [lake(), sql('bench_s3_postgres')])
