export { bundlePipeline } from './bundle.ts'
export type { Bundle, BundleOptions } from './bundle.ts'
