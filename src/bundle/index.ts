export { bundleOperations, bundlePipeline } from './bundle.ts'
export type { Bundle, BundleOptions, OperationsBundleOptions } from './bundle.ts'
