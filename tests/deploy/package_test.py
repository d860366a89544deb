#!/usr/bin/env python3
"""Installs what the Debian packages will hold into a folder, and looks at it there.

    tests/deploy/package_test.py BUILD_FOLDER

Runs right after a build; needs cmake, mandoc and systemd's tools, and no root.
"""

import gzip
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
UNITS = {"octet-scheduler": "scheduler", "octet-agent": "agent"}
FILES = {
    "client": """
        /usr/bin/octet
        /usr/share/bash-completion/completions/octet
        /usr/share/doc/octet/changelog.gz
        /usr/share/doc/octet/copyright
        /usr/share/fish/vendor_completions.d/octet.fish
        /usr/share/lintian/overrides/octet
        /usr/share/man/man1/octet.1.gz
        /usr/share/zsh/vendor-completions/_octet""",
    "scheduler": """
        /etc/octet/scheduler.conf
        /usr/bin/octet-scheduler
        /usr/lib/systemd/system/octet-scheduler.service
        /usr/lib/sysusers.d/octet-scheduler.conf
        /usr/lib/tmpfiles.d/octet-scheduler.conf
        /usr/share/doc/octet-scheduler/README.Debian
        /usr/share/doc/octet-scheduler/changelog.gz
        /usr/share/doc/octet-scheduler/copyright
        /usr/share/lintian/overrides/octet-scheduler
        /usr/share/man/man8/octet-scheduler.8.gz""",
    "agent": """
        /etc/octet/agent.conf
        /usr/bin/octet-agent
        /usr/bin/octet-exporter
        /usr/bin/octet-trainer
        /usr/lib/octet/libc10.so
        /usr/lib/octet/libcudart.so.13
        /usr/lib/octet/libcupti.so.13
        /usr/lib/octet/libgomp.so.1
        /usr/lib/octet/libhwloc.so.15
        /usr/lib/octet/libopenvino.so.2641
        /usr/lib/octet/libopenvino_intel_cpu_plugin.so
        /usr/lib/octet/libopenvino_ir_frontend.so.2641
        /usr/lib/octet/libopenvino_onnx_frontend.so.2641
        /usr/lib/octet/libopenvino_tensorflow_lite_frontend.so.2641
        /usr/lib/octet/libtbb.so.12
        /usr/lib/octet/libtbbbind_2_5.so.3
        /usr/lib/octet/libtbbmalloc.so.2
        /usr/lib/octet/libtorch_cpu.so
        /usr/lib/octet/octet-exporter
        /usr/lib/octet/octet-trainer
        /usr/lib/systemd/system/octet-agent.service
        /usr/lib/sysusers.d/octet-agent.conf
        /usr/share/doc/octet-agent/README.Debian
        /usr/share/doc/octet-agent/changelog.gz
        /usr/share/doc/octet-agent/copyright
        /usr/share/doc/octet-agent/examples/accounts.conf
        /usr/share/doc/octet-agent/isolation.md
        /usr/share/lintian/overrides/octet-agent
        /usr/share/man/man8/octet-agent.8.gz
        /usr/share/man/man8/octet-exporter.8.gz
        /usr/share/man/man8/octet-trainer.8.gz""",
    "cuda": """
        /usr/lib/octet/libc10_cuda.so
        /usr/lib/octet/libcaffe2_nvrtc.so
        /usr/lib/octet/libcufile.so.0
        /usr/lib/octet/libcusparseLt.so.0
        /usr/lib/octet/libnvshmem_host.so.3
        /usr/lib/octet/libtorch_cuda.so
        /usr/lib/octet/libtorch_cuda_linalg.so
        /usr/lib/octet/libtorch_nvshmem.so
        /usr/lib/octet/octet-cuda.so
        /usr/share/doc/octet-agent-cuda/changelog.gz
        /usr/share/doc/octet-agent-cuda/copyright
        /usr/share/lintian/overrides/octet-agent-cuda""",
}
# What octet-agent-cuda's description asks the node for: the toolkit, cuDNN, NCCL, the driver.
TOOLKIT = re.compile(r"lib(cu(blas|blasLt|fft|rand|solver|sparse|dnn|da)|nccl|nvrtc|nvJitLink)\.so\.\d+")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def commands_of(program, *group):
    """Every command that has no commands of its own, as a tuple of words."""
    _, _, listed = run(program, *group, "--help").partition("Subcommands:\n")
    names = re.findall(r"^  (\S+)", listed, re.M)
    return [leaf for name in names for leaf in commands_of(program, *group, name)] or [group]


class PackageTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="octet-package-test.")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.roots = {}
        for component in FILES:
            cls.roots[component] = pathlib.Path(cls.folder.name, component)
        # The GPU back end lies beside the trainer.
        cls.roots["cuda"] = cls.roots["agent"]
        cls.files = {}
        for component, root in cls.roots.items():
            before = set(root.rglob("*"))
            run("cmake", "--install", BUILD, "--prefix", "/usr", "--component", component,
                env={**os.environ, "DESTDIR": str(root)})  # fmt: skip
            cls.files[component] = {
                "/" + str(path.relative_to(root))
                for path in set(root.rglob("*")) - before
                if not path.is_dir() and "/licenses/" not in str(path)
            }

    def installed(self, component, path):
        return self.roots[component] / path.lstrip("/")

    def test_each_package_holds_what_it_should(self):
        for component, wanted in FILES.items():
            with self.subTest(component):
                self.assertEqual(sorted(self.files[component]), wanted.split())

    def test_programs_find_their_libraries_where_they_are_installed(self):
        lib = self.installed("agent", "/usr/lib/octet")
        for file in sorted(lib.iterdir()):
            with self.subTest(file.name):
                for line in run("ldd", file).splitlines():
                    name, _, where = line.strip().partition(" => ")
                    where = where.partition(" (")[0]
                    if (lib / name).exists():
                        self.assertEqual(where, str(lib / name))
                    elif not TOOLKIT.fullmatch(name):
                        self.assertNotEqual(where, "not found", line)
                        self.assertNotIn(str(SOURCE), line)
                        self.assertNotIn("/usr/local", line)

    def test_programs_run_where_they_are_installed(self):
        for component, program in [
            ("client", "octet"), ("scheduler", "octet-scheduler"), ("agent", "octet-agent"),
            ("agent", "octet-trainer"), ("agent", "octet-exporter"),
        ]:  # fmt: skip
            with self.subTest(program):
                run(self.installed(component, f"/usr/bin/{program}"), "--help")

    def test_man_pages_tell_every_command_and_lint_clean(self):
        for component, path in [
            ("client", "/usr/share/man/man1/octet.1.gz"),
            ("scheduler", "/usr/share/man/man8/octet-scheduler.8.gz"),
            ("agent", "/usr/share/man/man8/octet-agent.8.gz"),
        ]:
            with self.subTest(path):
                page = gzip.decompress(self.installed(component, path).read_bytes()).decode()
                run("mandoc", "-T", "lint", "-W", "warning", input=page)
                name = pathlib.Path(path).name.partition(".")[0]
                program = self.installed(component, f"/usr/bin/{name}")
                plain = page.replace("\\-", "-")
                flags = re.findall(r"^  .*?(--[a-z-]+)", run(program, "--help"), re.M)
                for flag in set(flags) - {"--help"}:
                    self.assertTrue(f"\\fB{flag}\\fR" in plain, f"{path} does not tell {flag}")
                for command in commands_of(program):
                    section = f"\n.SS {name} {' '.join(command)} " if command else "\n.SH OPTIONS\n"
                    self.assertTrue(section in plain, f"{path} has no section on {command}")

    def test_completions_parse(self):
        run("bash", "-n", self.installed("client", "/usr/share/bash-completion/completions/octet"))

    def test_units_verify_and_are_hardened(self):
        # In tenths, of what `systemd-analyze security` counts: 100 is no protection at all.
        for unit, most in [("octet-scheduler", 15), ("octet-agent", 35)]:
            with self.subTest(unit):
                component = UNITS[unit]
                root = self.roots[component]
                path = self.installed(component, f"/usr/lib/systemd/system/{unit}.service")
                found = pathlib.Path(self.folder.name, path.name)
                found.write_text(path.read_text().replace("=/usr/bin/", f"={root}/usr/bin/"))
                self.assertEqual(run("systemd-analyze", "verify", "--man=no", found), "")
                run("systemd-analyze", "security", "--offline=yes", f"--threshold={most}", found)

    def test_units_give_flags_that_their_programs_know(self):
        for unit, component in UNITS.items():
            with self.subTest(unit):
                known = run(self.installed(component, f"/usr/bin/{unit}"), "--help")
                for path in [f"/usr/lib/systemd/system/{unit}.service", f"/etc/octet/{component}.conf"]:
                    text = self.installed(component, path).read_text()
                    flags = re.findall(r"(?<=[ \"])--[a-z-]+", text)
                    self.assertTrue(flags)
                    for flag in flags:
                        self.assertRegex(known, rf"(?m)^  (-\w,)?{flag}\b")

    def test_services_have_users_of_their_own(self):
        for unit, component in UNITS.items():
            with self.subTest(unit):
                root = self.roots[component]
                run("systemd-sysusers", f"--root={root}", f"{unit}.conf")
                user = (root / "etc/passwd").read_text().split(":")
                self.assertEqual(user[0], unit)
                self.assertNotEqual(user[2], "0")
                self.assertEqual(user[6].strip(), "/usr/sbin/nologin")
                service = self.installed(component, f"/usr/lib/systemd/system/{unit}.service")
                self.assertIn(f"\nUser={unit}\n", service.read_text())

    def test_the_changelog_is_of_this_version(self):
        changelog = (SOURCE / "deploy/debian/changelog").read_text()
        version = run(self.installed("client", "/usr/bin/octet"), "--version").split()[1]
        self.assertTrue(changelog.startswith(f"octet ({version}) "), changelog.splitlines()[0])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
