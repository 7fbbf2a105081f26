import { registry } from '../../core/registry.ts'
import { fedala } from './fedala.ts'
import { pfedla } from './pfedla.ts'

/** To add a way of giving clients models of their own: its file, its line here, its test in test/clients/personal.test.ts. */
export const personals = registry('personal', [fedala, pfedla])
