#!/usr/bin/env python3
"""Holds docker/ to what images must be, and shows that each rule finds what breaks it.

tests/deploy/docker_lint.py
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ("scheduler", "agent")
FILES = {
    "dockerfile": "docker/Dockerfile",
    "ignore": "docker/Dockerfile.dockerignore",
    "script": "docker/build",
    "cmake": "CMakeLists.txt",
    "packages": "cmake/OctetPackages.cmake",
}
LABELS = ("title", "version", "revision", "licenses", "created")


def read(path):
    return (ROOT / path).read_text()


def instructions(dockerfile):
    """(stage, instruction, arguments); the stage is its name, empty before the first."""
    lines = [line for line in dockerfile.splitlines() if not line.startswith("#")]
    stage = ""
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2]
        if word:
            yield stage, word, rest.strip()


def mistakes_of_base(steps):
    stages = {stage for stage, _, _ in steps}
    default = [rest for stage, word, rest in steps if not stage and word == "ARG"]
    if len(default) != 1 or not re.fullmatch(
        r"BASE=[\w./-]+(:[\w.-]+|@sha256:[0-9a-f]{64})", default[0]
    ):
        yield "the base is not one argument with a tag or a digest"
    if any(each.endswith(":latest") for each in default):
        yield "the base is the latest of something"
    for _, word, rest in steps:
        if word == "FROM" and rest.partition(" AS ")[0] not in {"${BASE}", "scratch"} | stages:
            yield "FROM " + rest + " is neither the base nor a stage"


def mistakes_of_image(image, steps):
    said = {word: rest for stage, word, rest in steps if stage == image}
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", said.get("USER", "")):
        yield image + ": does not run as a user of a number of its own"
    if not said.get("CMD", "").startswith("["):
        yield image + ": its CMD needs a shell, or there is none"
    for label in LABELS:
        if 'org.opencontainers.image.%s="' % label not in said.get("LABEL", ""):
            yield image + ": has no label " + label


def mistakes_of_steps(steps):
    for stage, word, rest in steps:
        where = "%s: %s: " % (stage, word)
        if word == "ADD":
            yield where + "use COPY; what comes from elsewhere comes by scripts/bootstrap"
        if word in ("ARG", "ENV") and re.search(r"(?i)token|passw|secret|key|mirror|proxy", rest):
            yield where + "stays in the image's history; mount a secret"
        if word == "RUN" and re.search(r"\b(curl|wget|git clone|pip3? install)\b", rest):
            yield where + "fetches what is not pinned"
        if "apt-get install" in rest and "--no-install-recommends" not in rest:
            yield where + "installs what was only recommended"
        if "apt-get install" in rest and "rm -rf /var/lib/apt/lists/*" not in rest:
            yield where + "leaves apt's lists in the layer"


def mistakes_of_arguments(steps, script):
    given = set(re.findall(r"--build-arg (\w+)=", script))
    for stage, word, rest in steps:
        if word == "ARG" and "=" not in rest and rest not in given:
            yield "%s: docker/build does not give %s" % (stage, rest)


def mistakes_of_context(ignore, cmake, packages):
    """Whether what the build reads is there: layers, and what packages install."""
    lines = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    if lines[:1] != ["*"]:
        yield "the build's context is not empty but for what is listed"
    needed = set(re.search(r"foreach\(folder ([^)]*)\)", cmake).group(1).split()) - {"tests"}
    needed |= set(re.findall(r"\$\{PROJECT_SOURCE_DIR\}/(\w+/[\w./-]+)", packages))
    needed |= {"deploy/" + name for name in re.findall(r"\$\{deploy\}/(\w+)", packages)}
    for path in sorted(needed):
        if not any(path == line[1:] or path.startswith(line[1:] + "/") for line in lines[1:]):
            yield "the build's context lacks " + path


def mistakes(**changed):
    """Of the files in docker/; `changed` has other contents for some of them."""
    files = {**{name: read(path) for name, path in FILES.items()}, **changed}
    steps = list(instructions(files["dockerfile"]))
    found = [
        *mistakes_of_base(steps),
        *mistakes_of_steps(steps),
        *mistakes_of_arguments(steps, files["script"]),
        *mistakes_of_context(files["ignore"], files["cmake"], files["packages"]),
    ]
    for image in IMAGES:
        found += mistakes_of_image(image, steps)
    for name in ("dockerfile", "script"):
        if "://" in files[name]:
            found.append(name + ": names a host")
    return found


class DockerLint(unittest.TestCase):
    def test_images_are_as_they_must_be(self):
        self.assertEqual(mistakes(), [])

    def test_every_wheel_is_pinned_by_version_and_hash(self):
        for path in sorted((ROOT / "deps").glob("*.txt")):
            if path.name != "debian.txt":
                for line in path.read_text().splitlines():
                    self.assertRegex(line, r"^#|^[\w.-]+==\S+ --hash=sha256:[0-9a-f]{64}$", path)

    def finds(self, mistake, file, old, new):
        text = read(FILES[file])
        changed = text.replace(old, new)
        self.assertNotEqual(changed, text, "nothing was broken")
        self.assertIn(mistake, " ".join(mistakes(**{file: changed})))

    def test_finds_what_breaks_a_rule(self):
        base = re.search(r"^ARG BASE=(.*)$", read("docker/Dockerfile"), re.M).group(1)
        image = base.partition(":")[0]
        for case in (
            ("with a tag", "dockerfile", base, image),
            ("the latest", "dockerfile", base, image + ":latest"),
            ("neither the base nor a stage", "dockerfile", "FROM scratch", "FROM alpine:3.20"),
            ("a user of a number", "dockerfile", "USER 10001:10001", ""),
            ("a user of a number", "dockerfile", "USER 10001:10001", "USER 0:0"),
            (
                "its CMD needs a shell",
                "dockerfile",
                'CMD ["octet-scheduler"',
                "CMD octet-scheduler",
            ),
            ("has no label revision", "dockerfile", "image.revision=", "image.commit="),
            ("use COPY", "dockerfile", "COPY . .", "ADD . ."),
            ("mount a secret", "dockerfile", "ARG VERSION", "ARG PYPI_TOKEN=x"),
            ("is not pinned", "dockerfile", "scripts/bootstrap\n", "pip install torch\n"),
            ("only recommended", "dockerfile", "--no-install-recommends", ""),
            ("apt's lists", "dockerfile", "/var/lib/apt/lists/*", ""),
            ("names a host", "dockerfile", "WORKDIR", "ENV A=http://a\nWORKDIR"),
            ("does not give REVISION", "script", "--build-arg REVISION=", "--label REVISION="),
            ("not empty but", "ignore", "\n*\n", "\n"),
            ("lacks worker", "ignore", "!worker\n", ""),
            ("lacks gateway", "cmake", "foreach(folder ", "foreach(folder gateway "),
            ("lacks deploy/rpm", "packages", "${deploy}/debian/", "${deploy}/rpm/"),
            ("lacks docs/notes.md", "packages", "docs/isolation.md", "docs/notes.md"),
        ):
            with self.subTest(case):
                self.finds(*case)


if __name__ == "__main__":
    unittest.main()
