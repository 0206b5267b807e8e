import { defineConfig } from 'weirhouse'

export default defineConfig({ pipelines: ['./pipeline.ts'] })
