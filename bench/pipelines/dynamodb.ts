import { benchPipeline, kv } from './sinks.ts'

export default benchPipeline('dynamodb', [kv('bench-dynamodb')])
