"""Walks the page tables of a guest over a dump of the machine's RAM, knowing nothing of this project's code.

Written from DDI 0487 (VMSAv8-64) for the 4 KiB granule, stage 1 of EL1&0 and stage 2, for reads at EL1. Reads one
JSON object from standard input: where the dump is, the registers, and virtual addresses; writes one result for each:
{"ipa": ..., "pa": ...}, or {"stage": ..., "level": ...} where the translation fails.
"""

import json
import mmap
import sys


class Fault(Exception):
    def __init__(self, stage, level):
        super().__init__()
        self.stage = stage
        self.level = level


def bits(value, high, low):
    return (value >> low) & ((1 << (high - low + 1)) - 1)


class Machine:
    def __init__(self, dump, base, registers):
        file = open(dump, "rb")
        self.ram = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.base = base
        self.registers = {name: int(value, 16) for name, value in registers.items()}

    def descriptor(self, pa):
        offset = pa - self.base
        assert 0 <= offset <= len(self.ram) - 8, f"a table outside of RAM: {pa:#x}"
        return int.from_bytes(self.ram[offset : offset + 8], "little")

    def stage2(self, ipa):
        vtcr = self.registers["VTCR_EL2"]
        size = 64 - bits(vtcr, 5, 0)
        assert bits(vtcr, 15, 14) == 0, "the granule is 4 KiB"
        first = 2 - bits(vtcr, 7, 6)
        table = self.registers["VTTBR_EL2"] & 0x0000FFFFFFFFFFFE
        if ipa >> size:
            raise Fault(2, 0)
        for level in range(first, 4):
            shift = 39 - 9 * level
            index = ipa >> shift if level == first else bits(ipa, shift + 8, shift)
            entry = self.descriptor(table + 8 * index)
            if entry & 1 == 0:
                raise Fault(2, level)
            address = entry & 0x0000FFFFFFFFF000
            if level == 3 or entry & 2 == 0:
                if not entry & (1 << 10) or not entry & (1 << 6):
                    raise Fault(2, level)
                return (address >> shift << shift) | (ipa & ((1 << shift) - 1))
            table = address
        raise AssertionError

    def stage1(self, va):
        tcr = self.registers["TCR_EL1"]
        upper = bits(va, 55, 55)
        size = 64 - (bits(tcr, 21, 16) if upper else bits(tcr, 5, 0))
        granule = bits(tcr, 31, 30) if upper else bits(tcr, 15, 14)
        assert granule == (2 if upper else 0), "the granule is 4 KiB"
        ignored = bits(tcr, 38, 38) if upper else bits(tcr, 37, 37)
        top = bits(va, 55 if ignored else 63, size)
        if top != ((1 << ((55 if ignored else 63) - size + 1)) - 1 if upper else 0):
            raise Fault(1, 0)
        table = self.registers["TTBR1_EL1" if upper else "TTBR0_EL1"] & 0x0000FFFFFFFFFFFE
        first = 4 - -(-(size - 12) // 9)
        for level in range(first, 4):
            shift = 39 - 9 * level
            index = bits(va, min(shift + 8, size - 1), shift)
            entry = self.descriptor(self.stage2(table + 8 * index))
            if entry & 1 == 0 or (level == 3 and entry & 2 == 0):
                raise Fault(1, level)
            address = entry & 0x0000FFFFFFFFF000
            if level == 3 or entry & 2 == 0:
                if not entry & (1 << 10):
                    raise Fault(1, level)
                return (address >> shift << shift) | (va & ((1 << shift) - 1))
            table = address
        raise AssertionError


def main():
    question = json.load(sys.stdin)
    machine = Machine(question["dump"], int(question["base"], 16), question["registers"])
    answers = []
    for text in question["addresses"]:
        try:
            ipa = machine.stage1(int(text, 16))
            answers.append({"ipa": hex(ipa), "pa": hex(machine.stage2(ipa))})
        except Fault as fault:
            answers.append({"stage": fault.stage, "level": fault.level})
    json.dump(answers, sys.stdout)


main()
