import { existsSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Where packages put a Vulkan driver that computes on the processor: Chromium's SwiftShader, Mesa's lavapipe. */
const DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/share/vulkan/icd.d/lvp_icd.json',
]

/** Keeps a library in the process although Node refuses it for not being an addon. */
const RTLD_NODELETE = 0x1000

/**
 * Makes a software WebGPU adapter known to this process and those it starts. False when that worked, else the reason to
 * skip a test: Debian's package `chromium` brings a driver, and FEDSTRATA_TEST_VULKAN_ICD names another one.
 */
export function withoutSoftwareAdapter(): string | false {
  if (process.env['FEDSTRATA_TEST_ADAPTER'] === 'system') return false // test/gpu: what this machine has, a card
  const driver = process.env['FEDSTRATA_TEST_VULKAN_ICD'] ?? DRIVERS.find(path => existsSync(path))
  if (process.platform !== 'linux' || !driver)
    return 'no software Vulkan driver here: Debian’s package chromium has one'
  process.env['VK_ICD_FILENAMES'] = driver
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir()
  const loader = join(dirname(driver), 'libvulkan.so.1')
  if (existsSync(loader)) {
    const paths = process.env['LD_LIBRARY_PATH']
    if (!paths?.includes(dirname(loader)))
      process.env['LD_LIBRARY_PATH'] = [dirname(loader), paths].filter(Boolean).join(':') // for processes started later
    try {
      process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE)
    } catch {
      // Loaded all the same; that it is no addon of Node's is known.
    }
  }
  return false
}
