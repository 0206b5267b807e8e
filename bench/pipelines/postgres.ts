import { benchPipeline, sql } from './sinks.ts'

export default benchPipeline('postgres', [sql('bench_postgres')])
