import { writeFileSync } from 'node:fs'
import { projectRoot } from '../../src/main/version.ts'
import { pages } from './pages.ts'

for (const [file, page] of Object.entries(pages)) writeFileSync(new URL(file, projectRoot), page())
