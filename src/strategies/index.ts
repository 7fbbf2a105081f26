export { filters } from './filters/index.ts'
export { presets } from './presets/index.ts'
export { reducers } from './reducers/index.ts'
export { serverOptimizers } from './server/index.ts'
