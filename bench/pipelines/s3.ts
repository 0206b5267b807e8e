import { benchPipeline, lake } from './sinks.ts'

export default benchPipeline('s3', [lake()])
