export { bundleOperations, bundlePipeline, foldersAtFault } from './bundle.ts'
export type { Bundle, BundleOptions, OperationsBundleOptions } from './bundle.ts'
