/** Into a table of which the stub keeps the items, so that writes find what stands there. */
import { benchPipeline, kv } from './sinks.ts'

export default benchPipeline('dynamodb-kept', [kv('kept-dynamodb')])
