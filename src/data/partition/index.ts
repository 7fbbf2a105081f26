import type { z } from 'zod'
import { registry } from '../../core/registry.ts'
import { classes } from './classes.ts'
import { dirichlet } from './dirichlet.ts'
import { iid } from './iid.ts'
import { quantity } from './quantity.ts'
import { replicated } from './replicated.ts'
import { shards } from './shards.ts'

/** Every law of splitting that a run file can name. */
export const partitioners = registry('partitioner', [iid, shards, classes, dirichlet, quantity, replicated])

/** The run file's `partition`. */
export const partitionSchema = partitioners.schema

export type PartitionOptions = z.output<typeof partitionSchema>
