import { defineConfig } from 'weirhouse'

export default defineConfig({
  pipelines: ['./pipelines/demo.ts', './pipelines/earthquakes.ts'],
  samples: { demo: './samples/demo.ts', earthquakes: './samples/earthquakes.ts' },
  environments: {
    /** The specification to the letter. */
    spec: { preset: 'spec' },
    /** The cheapest that works. */
    minimal: { preset: 'minimal' },
  },
})
