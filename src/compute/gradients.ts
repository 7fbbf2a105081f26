/**
 * Registers the gradients of TF.js's ops. The Node build of tfjs-core contains none, and its file that registers them
 * cannot be loaded by Node; importing tfjs-layers is the one published way to have them.
 */
import '@tensorflow/tfjs-layers'
