#!/usr/bin/env python3
# doctor.py - examples/doctor.cpp on three fake machines prints the golden files doctor_*.txt.
# SPDX-License-Identifier: MIT
"""usage: doctor.py PROJECT_FOLDER COMPILER [FLAGS_AND_LIBRARIES...]

Measured times and powers are replaced by <time> and <power>. JOULERY_REFRESH_GOLDEN=1 writes the
files anew; JOULERY_DOCTOR_RAW=FOLDER also keeps what the program printed."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading


def write(root, files):
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def zone(folder, name, energy=1):
    path = f"/sys/class/powercap/{folder}"
    return {f"{path}/name": name, f"{path}/energy_uj": energy,
            f"{path}/max_energy_range_uj": 262143328850}


def cpuinfo(model, number, threads=8):
    return {"/proc/cpuinfo": "".join(
        f"processor\t: {n}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: {number}\n"
        f"model name\t: {model}\nflags\t\t: fpu tsc\n\n" for n in range(threads)),
        "/sys/devices/system/cpu/online": f"0-{threads - 1}",
        "/proc/stat": "cpu  1000 0 0 9000 0 0 0 0 0 0"}


def workstation():
    files = cpuinfo("Intel(R) Xeon(R) w5-2455X", 143)
    for folder, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"),
                         ("intel-rapl:0:1", "dram"), ("intel-rapl:1", "psys")):
        files.update(zone(folder, name))
    card = "/sys/class/hwmon/hwmon4"
    files.update({f"{card}/name": "xe", f"{card}/device/uevent": "PCI_SLOT_NAME=0000:03:00.0",
                  f"{card}/energy1_label": "card", f"{card}/energy1_input": 1,
                  f"{card}/energy2_label": "pkg", f"{card}/energy2_input": 1})
    # microjoules a second
    moving = {"/sys/class/powercap/intel-rapl:0/energy_uj": 90e6,
              "/sys/class/powercap/intel-rapl:0:0/energy_uj": 60e6,
              "/sys/class/powercap/intel-rapl:0:1/energy_uj": 6e6,
              "/sys/class/powercap/intel-rapl:1/energy_uj": 290e6,
              f"{card}/energy1_input": 140e6, f"{card}/energy2_input": 110e6}
    return files, moving


def jetson():
    chip = "/sys/class/hwmon/hwmon2"
    files = {f"{chip}/name": "ina3221",
             "/proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit"}
    for n, (label, volts, amperes) in enumerate((("VDD_IN", 5000, 1520),
                                                 ("VDD_CPU_GPU_CV", 5000, 640),
                                                 ("VDD_SOC", 5000, 304)), 1):
        files.update({f"{chip}/in{n}_label": label, f"{chip}/in{n}_input": volts,
                      f"{chip}/curr{n}_input": amperes, f"{chip}/shunt{n}_resistor": 5000})
    return files, {}


def laptop():
    files = cpuinfo("Intel(R) Core(TM) i7-1165G7", 140)
    files.update(zone("intel-rapl:0", "package-0"))
    files["/sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw"] = 28000000
    files["/sys/class/powercap/intel-rapl:0/constraint_0_name"] = "long_term"
    supply = "/sys/class/power_supply/BAT0"
    files.update({f"{supply}/type": "Battery", f"{supply}/status": "Charging",
                  f"{supply}/power_now": 20000000})
    return files, {}


def keep_moving(root, rates, stop):
    """Counters that grow with time, as in hardware."""
    files = {open(root / name.lstrip("/"), "r+b", buffering=0): rate
             for name, rate in rates.items()}
    value = 0
    while not stop.wait(0.001):
        value += 0.001
        for file, rate in files.items():
            os.pwrite(file.fileno(), b"%014d\n" % int(1 + value * rate), 0)
    for file in files:
        file.close()


def steady(text):
    time = r"(?:[\d.]+ (?:[munp]?s)|no change seen)"
    text = re.sub(rf" +{time}( +[\d.]+ [mun]?s) +{time}\n", r"  <time>\1  <time>\n", text)
    return re.sub(r"Total: [\d.]+ [munkM]?W", "Total: <power>", text)


class Machine:
    def __init__(self, work, program, make):
        self.root, self.program = work / make.__name__, program
        files, self.moving = make()
        write(self.root, files)
        if make is laptop:
            (self.root / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0)

    def run(self, *words):
        nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        stop = threading.Event()
        writer = threading.Thread(target=keep_moving, args=(self.root, self.moving, stop))
        writer.start()
        try:
            done = subprocess.run([self.program, *words], capture_output=True, text=True,
                                  timeout=60, cwd="/", **nobody,
                                  env={"JOULERY_SYSROOT": str(self.root), "LC_ALL": "C"})
        finally:
            stop.set()
            writer.join()
        assert done.returncode == 0, done.stderr
        return done.stdout


def compare(golden, text):
    if os.environ.get("JOULERY_REFRESH_GOLDEN"):
        golden.write_text(text)
    expected = golden.read_text()
    assert text == expected, f"{golden.name} is not what was printed:\n{text}"


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    project = pathlib.Path(arguments[1])
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        program = work / "doctor"
        subprocess.run([arguments[2], "-std=c++17", "-I", project / "include",
                        project / "examples/doctor.cpp", *arguments[3:], "-o", program, "-pthread",
                        "-ldl"], check=True)
        raw = os.environ.get("JOULERY_DOCTOR_RAW")
        for make in (workstation, jetson, laptop):
            machine = Machine(work, program, make)
            text = machine.run()
            if raw:
                pathlib.Path(raw, f"doctor_{make.__name__}.txt").write_text(text)
            compare(project / f"tests/machines/golden/doctor_{make.__name__}.txt", steady(text))
            found = json.loads(machine.run("--json"))
            summed = [c["id"] for c in found["channels"] if c["summed"]]
            wanted = {workstation: ["cpu0/package", "cpu0/dram", "gpu/0000:03:00.0/board"],
                      jetson: ["rail/VDD_IN"]}.get(make)
            assert wanted is None or summed == wanted, summed
            if make is jetson:
                assert abs(found["total_watts"] - 7.6) < 0.01, found["total_watts"]
                lines = machine.run("--watch", "2").splitlines()
                assert lines[0].split() == ["rail/VDD_IN", "rail/VDD_CPU_GPU_CV", "rail/VDD_SOC",
                                            "total"], lines
                assert [line.split() for line in lines[1:]] == 2 * [
                    ["7.6", "W", "3.2", "W", "1.52", "W", "7.6", "W"]], lines
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
