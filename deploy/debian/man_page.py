#!/usr/bin/env python3
"""Writes a program's man page from what it says of itself with --help.

A command of a program becomes a subsection. What --help does not tell (files, exit
codes) comes from a file that holds those sections. The date is that of the changelog's
newest entry, so that the same sources make the same page.

    man_page.py --changelog changelog --tail man/octet.1 build/bin/octet > octet.1
"""

import argparse
import email.utils
import pathlib
import re
import subprocess
import sys

COLUMN = 30  # Where CLI11 begins the text of an entry.
HEADING = re.compile(r"(Positionals|Options|Subcommands):")
# Such as "-o,--output TEXT:{json,table}=table ... REQUIRED (Env:OCTET_OUTPUT) Needs: --x".
NAME = re.compile(
    r"(?P<flags>\S+)"
    r"(?: (?P<type>[A-Z]+(?:=[A-Z][A-Z,.]*)?)(?::(?P<limit>\{[^}]*\}|[^=]*?))?(?:=(?P<default>\S+))?)?"
    r"(?P<several> \.\.\.)?(?P<required> REQUIRED)?(?: \(Env:(?P<variable>\w+)\))?"
    r"(?: Needs: (?P<needs>.*?))?(?: Excludes: (?P<excludes>.*))?"
)


class Help:
    """What a program prints: a description, the usage, and entries by heading."""

    def __init__(self, text):
        self.description = self.usage = ""
        self.entries = {"Positionals": [], "Options": [], "Subcommands": []}
        heading = None
        lines = text.splitlines()
        for line, following in zip(lines, [*lines[1:], ""]):
            if line.startswith("Usage: "):
                self.usage = line.removeprefix("Usage: ")
            elif HEADING.fullmatch(line):
                heading = self.entries[line[:-1]]
            elif heading is None:
                self.description += line
            elif line.startswith(" " * COLUMN):
                heading[-1][1] += line.strip()
            elif line.startswith("  "):
                whole = following.startswith(" " * COLUMN)  # Too long: its text is below.
                name, text = (line, "") if whole else (line[:COLUMN], line[COLUMN:])
                heading.append([name.strip(), text])


def ask(program, *command):
    run = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
    return Help(run.stdout)


def literal(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def prose(text):
    """Commands, which texts put between backquotes, in bold."""
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", literal(text))


def option(name, text):
    part = NAME.fullmatch(name)
    if part is None:
        sys.exit(f"man_page.py: cannot read the option {name!r}; teach NAME its form")
    value, limit = part["type"], part["limit"] or ""
    if limit.startswith("{") or limit in ("FILE", "DIR", "PATH"):
        value = limit.replace(",", "|")
    notes = ["required"] if part["required"] else []
    for label, note in [
        ("in", limit.partition(" in ")[2]),
        ("default:", part["default"]),
        ("else", part["variable"]),
        ("with", part["needs"]),
        ("not with", part["excludes"]),
    ]:
        if note:
            notes.append(f"{label} {note}")
    if notes:
        text += f" ({'; '.join(notes)})"
    if part["flags"].startswith("-"):
        title = ", ".join(f"\\fB{literal(flag)}\\fR" for flag in part["flags"].split(","))
        title += f" \\fI{literal(value)}\\fR" if value else ""
    else:
        title = f"\\fI{literal(part['flags'])}\\fR"
    title += " ..." if part["several"] else ""
    return f".TP\n{title}\n{prose(text)}\n"


def options(page):
    entries = page.entries["Positionals"] + page.entries["Options"]
    return "".join(option(*entry) for entry in entries if not entry[0].startswith("-h,"))


def commands(program, group=()):
    text = ""
    for name, _ in ask(program, *group).entries["Subcommands"]:
        page = ask(program, *group, name)
        if page.entries["Subcommands"]:
            text += commands(program, (*group, name))
            continue
        usage = page.usage.split()[1:]
        text += f".SS {literal(' '.join([pathlib.Path(program).name, *usage]))}\n"
        text += prose(page.description) + "\n" + options(page)
    return text


def man_page(program, section, version, date, tail):
    name = pathlib.Path(program).name
    page = ask(program)
    arguments = page.usage.partition(" ")[2]
    text = f'.TH {name.upper()} {section} {date} "octet {version}"\n'
    text += f".SH NAME\n{name} \\- {literal(page.description.rstrip('.'))}\n"
    text += f".SH SYNOPSIS\n.B {name}\n{literal(arguments)}\n"
    text += f".SH OPTIONS\n{options(page)}"
    if page.entries["Subcommands"]:
        text += ".SH COMMANDS\nEvery command takes the options above, too.\n" + commands(program)
    return text + tail


def newest(changelog):
    """The version and the date of the first entry."""
    text = changelog.read_text()
    version = re.search(r"\(([^)]*)\)", text)[1]
    date = email.utils.parsedate_to_datetime(re.search(r"^ -- .*>  (.*)$", text, re.M)[1])
    return version, date.strftime("%Y-%m-%d")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changelog", type=pathlib.Path, required=True)
    parser.add_argument("--tail", type=pathlib.Path, required=True, help="NAME.SECTION")
    parser.add_argument("program")
    args = parser.parse_args()
    section = args.tail.suffix.removeprefix(".")
    version, date = newest(args.changelog)
    sys.stdout.write(man_page(args.program, section, version, date, args.tail.read_text()))


if __name__ == "__main__":
    main()
