/**
 * Finds the records that the store refuses for good (D6, D8): refused is proved by isolation, neighbours pass and it does
 * not. `attempt` takes records to effect together or leaves no trace, and gives the fault in that case.
 *
 * Halving costs about 2 log2(n) attempts for each bad record. Records found bad alone are tried once more, singly and
 * in order, when all others are in: some clash only with a row that another record has moved out of the way.
 */
export interface Refused<Record, Fault> {
  readonly record: Record
  readonly fault: Fault
}

export async function isolate<Record, Fault>(
  records: readonly Record[],
  attempt: (records: readonly Record[]) => Promise<Fault | undefined>,
): Promise<Refused<Record, Fault>[]> {
  const suspects = await halve(records, attempt)
  const refused: Refused<Record, Fault>[] = []
  for (const record of suspects) {
    const fault = await attempt([record])
    if (fault !== undefined) refused.push({ record, fault })
  }
  return refused
}

async function halve<Record, Fault>(
  records: readonly Record[],
  attempt: (records: readonly Record[]) => Promise<Fault | undefined>,
): Promise<Record[]> {
  if (records.length === 0) return []
  const fault = await attempt(records)
  if (fault === undefined) return []
  if (records.length === 1) return [records[0]!]
  const middle = records.length >>> 1
  const left = await halve(records.slice(0, middle), attempt)
  return [...left, ...(await halve(records.slice(middle), attempt))]
}
