import { defineConfig } from 'weirhouse'

export default defineConfig({
  pipelines: ['./pipelines/demo.ts'],
  samples: { demo: './samples/demo.ts' },
})
