import { benchPipeline, kv, lake, sql } from './sinks.ts'

export default benchPipeline('all', [lake(), sql('bench_all'), kv('bench-all')])
