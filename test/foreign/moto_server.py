"""moto's server, whose stacks made by a change set have outputs and exports, as those made at once have, and whose CloudFormation
deletes a VPC although it does so in no good order: before some of what is in it.

usage: moto_server.py PORT
"""

import sys

from moto.cloudformation.models import CloudFormationBackend
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models.vpcs import VPCBackend
from moto.server import main

execute = CloudFormationBackend.execute_change_set


def executed(self, change_set_name, stack_name=None):
    for change_set in self.change_sets.values():
        if change_set_name in (change_set.change_set_id, change_set.change_set_name):
            stack = self.stacks[change_set.stack_id]
            stack.cross_stack_resources = self.exports
            stack.resource_map.cross_stack_resources = self.exports
    execute(self, change_set_name, stack_name)
    for stack in self.stacks.values():
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        for export in stack.exports:
            self.exports[export.name] = export


delete_vpc = VPCBackend.delete_vpc


def deleted(self, vpc_id):
    try:
        return delete_vpc(self, vpc_id)
    except DependencyViolationError:
        return self.vpcs.pop(vpc_id)


CloudFormationBackend.execute_change_set = executed
VPCBackend.delete_vpc = deleted
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
