/**
 * `npm install` leaves a package of another platform out of the lockfile where the registry in use does not serve it; then
 * `npm ci` refuses the lockfile, here and on that platform. This names what is missing, and fills it in.
 */
interface LockedPackage {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly dev?: boolean
  readonly license?: string
  readonly engines?: Readonly<Record<string, string>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const PLATFORM =
  /(?:^|[/-])(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ppc64|riscv64|s390x|ia32)(?:-(gnu|musl))?/

/** Optional dependencies without an entry, each as the entry it should have. */
export function missingPlatforms({ packages }: Lockfile): readonly (readonly [path: string, entry: object])[] {
  return Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`])
      .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, parent)] as const),
  )
}

function entryOf(name: string, version: string, { dev, license, engines }: LockedPackage): object {
  const [, os, cpu, libc] = PLATFORM.exec(name) ?? []
  if (os === undefined) throw new Error(`${name} is missing from the lockfile and names no platform`)
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc === undefined ? {} : { libc: [libc === 'gnu' ? 'glibc' : libc] }),
    license,
    optional: true,
    os: [os],
    engines,
  }
}

/** The lockfile with every missing entry in its place. */
export function completed(lockfile: Lockfile): Lockfile {
  const packages = { ...lockfile.packages, ...Object.fromEntries(missingPlatforms(lockfile)) }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  return { ...lockfile, packages: Object.fromEntries(sorted) }
}
