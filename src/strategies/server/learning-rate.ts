import { z } from 'zod'

/** η of Reddi et al. 2021, the learning rate of the server. */
export function learningRate(byDefault: number): z.ZodDefault<z.ZodNumber> {
  return z.number().positive().default(byDefault).meta({ description: 'server learning rate' })
}
