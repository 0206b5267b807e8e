export default { pipelines: ['./pipeline.ts'] }
