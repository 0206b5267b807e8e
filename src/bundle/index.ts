export { bundlePipeline, foldersAtFault } from './bundle.ts'
export type { Bundle, BundleOptions } from './bundle.ts'
