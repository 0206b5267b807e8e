/** The Python of the suite `aws`, made before its files start: two of them would make it at once. */
import { foreignPython } from './foreign.ts'

export const AWS_REQUIREMENTS = 'aws-requirements.txt'

export async function setup(): Promise<void> {
  await foreignPython(AWS_REQUIREMENTS)
}
