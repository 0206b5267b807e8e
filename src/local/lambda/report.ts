/** The platform's own log lines, as CloudWatch shows them. Pure. Source: AWS Lambda Developer Guide, "CloudWatch logs". */

export const VERSION = '$LATEST'

export interface Report {
  readonly requestId: string
  /** Of the invocation, milliseconds. */
  readonly duration: number
  /** Of a cold start's init phase, milliseconds. */
  readonly init?: number
  readonly memoryMb: number
  /** Unknown where the platform does not tell. */
  readonly maxMemoryMb?: number | undefined
  readonly status?: 'timeout' | 'error'
  readonly errorType?: string
}

export function startLine(requestId: string): string {
  return `START RequestId: ${requestId} Version: ${VERSION}`
}

export function endLine(requestId: string): string {
  return `END RequestId: ${requestId}`
}

/** Tabs between the fields, and after the last. Init counts as billed time. */
export function reportLine(report: Report): string {
  const { requestId, duration, init, memoryMb, maxMemoryMb, status, errorType } = report
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${duration.toFixed(2)} ms`,
    `Billed Duration: ${Math.max(1, Math.ceil(duration + (init ?? 0)))} ms`,
    `Memory Size: ${memoryMb} MB`,
    ...(maxMemoryMb === undefined ? [] : [`Max Memory Used: ${maxMemoryMb} MB`]),
    ...(init === undefined ? [] : [`Init Duration: ${init.toFixed(2)} ms`]),
    ...(status === undefined ? [] : [`Status: ${status}`]),
    ...(errorType === undefined ? [] : [`Error Type: ${errorType}`]),
  ]
  return `${fields.join('\t')}\t`
}

/** Of an init phase that failed; one that went well stands in REPORT. */
export function initReportLine(
  duration: number,
  phase: 'init' | 'invoke',
  status: 'timeout' | 'error',
  errorType?: string,
): string {
  const error = errorType === undefined ? '' : `\tError Type: ${errorType}`
  return `INIT_REPORT Init Duration: ${duration.toFixed(2)} ms\tPhase: ${phase}\tStatus: ${status}${error}`
}
