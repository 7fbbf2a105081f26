import { parentPort } from 'node:worker_threads'
import { inspect } from './inspect.ts'

/** A thread that measures the engines, so that whoever asks goes on serving meanwhile. */
parentPort!.postMessage(await inspect())
