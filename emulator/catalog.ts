// Facts about the emulated machine for those who only tell them, such as an editor: constants and tables,
// and nothing that runs.

export { MAX_CPUS, MAX_DOMAIN_MEMORY, MAX_VCPUS, SCHEDULERS } from './machine/messages.ts';
