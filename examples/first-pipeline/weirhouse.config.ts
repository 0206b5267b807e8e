export default { pipelines: ['./readings.ts'] }
