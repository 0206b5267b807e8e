import { isNotTrue, isTrue, resources } from './rule.ts'
import type { TemplateRule } from './rule.ts'

/** Instances of their own: those of a cluster have these settings on the cluster, replicas from their source. */
const databases = (...where: readonly string[]) =>
  resources(['AWS::RDS::DBInstance'], 'Properties.DBClusterIdentifier !exists', ...where)
const FIRST = databases('Properties.SourceDBInstanceIdentifier !exists')
const BLOCKS = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets']

export const storeRules: readonly TemplateRule[] = [
  {
    name: 'database-public',
    what: 'PubliclyAccessible of a database',
    got: 'true',
    why: 'it would have an address on the internet',
    instead: 'give false, and reach it from the Kafka host',
    guard: `${databases()} {
  ${isNotTrue('Properties.PubliclyAccessible')}
}`,
  },
  {
    name: 'database-unencrypted',
    what: 'StorageEncrypted of a database',
    got: 'nothing or false',
    why: 'its disk, backups and copies would be in the clear, and it cannot be changed later',
    instead: 'give true',
    guard: `${FIRST} {
  ${isTrue('Properties.StorageEncrypted')}
}`,
    shows: 'Properties.StorageEncrypted',
  },
  {
    name: 'database-password',
    what: 'ManageMasterUserPassword of a database',
    got: 'nothing or false',
    why: 'somebody would have to keep, hide and change its password',
    instead: 'give true, and no MasterUserPassword: RDS then keeps and rotates it',
    guard: `${FIRST} {
  ${isTrue('Properties.ManageMasterUserPassword')}
}`,
    shows: 'Properties.ManageMasterUserPassword',
  },
  {
    name: 'database-iam',
    what: 'EnableIAMDatabaseAuthentication of a database',
    got: 'nothing or false',
    why: 'the function signs in by its role, and could not',
    instead: 'give true',
    guard: `${databases()} {
  ${isTrue('Properties.EnableIAMDatabaseAuthentication')}
}`,
    shows: 'Properties.EnableIAMDatabaseAuthentication',
  },
  {
    name: 'bucket-public',
    what: 'PublicAccessBlockConfiguration of a bucket',
    got: 'less than all of its four blocks',
    why: 'one policy or ACL later its records would be on the internet',
    instead: `give true for ${BLOCKS.join(', ')}`,
    guard: `${resources(['AWS::S3::Bucket'])} {
${BLOCKS.map((block) => `  ${isTrue(`Properties.PublicAccessBlockConfiguration.${block}`)}`).join('\n')}
}`,
    shows: 'Properties.PublicAccessBlockConfiguration',
  },
  {
    name: 'table-recovery',
    what: 'PointInTimeRecoveryEnabled of a table',
    got: 'nothing or false',
    why: 'what a mistake overwrites would be gone',
    instead: 'give PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }',
    guard: `${resources(['AWS::DynamoDB::Table'])} {
  ${isTrue('Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled')}
}
${resources(['AWS::DynamoDB::GlobalTable'])} {
  Properties.Replicas[*].PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled IN [true, 'true'] <<>>
}`,
    shows: 'Properties.PointInTimeRecoverySpecification',
  },
]
