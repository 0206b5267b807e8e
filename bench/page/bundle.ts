import type { BundleResult } from '../bundle/part.ts'
import { bundleTargets } from '../targets.ts'
import { markdownTable, number, verdict } from './tables.ts'

const KB = 1000

export function bundleSection({ loads, bundles }: BundleResult): string {
  const rows = bundles.map(({ name, bytes, loadMs, readyMs, contents }) => {
    const target = bundleTargets[name]
    return [
      name,
      number(bytes),
      target ? verdict(bytes, target.bytes, false) : '',
      String(loadMs),
      target ? verdict(loadMs, target.loadMs, false) : '',
      String(readyMs),
      contents.map(([part, of]) => `${part} ${Math.round(of / KB)}`).join(', '),
    ]
  })
  return `What Lambda gets: one minified ES module. Loaded ${loads} times, each time in a process of its own, in turns; the medians. Of \`earthquakes\`,
${number(bundleTargets.earthquakes!.bytes)} bytes and ${bundleTargets.earthquakes!.loadMs} ms were wanted.

${markdownTable(['bundle', 'bytes', '', 'load ms', '', 'from the start of the process', 'greatest parts, KB'], rows)}`
}
