#!/usr/bin/env python3
"""usage_texts.py PACKAGING KPOLD KPOLCTL: checks that man pages and completions have exactly the flags and
commands of --help, and that kpolctl prints the completions."""
import pathlib
import re
import subprocess
import sys

problems = []
checked = 0


def expect(condition, problem):
    global checked
    checked += 1
    if not condition:
        problems.append(problem)


def usage(program, *command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True,
                          text=True).stdout


def flags_of(text):
    """The options that --help lists, long and short."""
    flags = set()
    for line in text.splitlines():
        found = re.match(r"  (-[^ ]+)", line)
        if found:
            flags.update(found[1].split(","))
    return flags


def commands_of(text):
    listed = text.partition("Subcommands:\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def kpolctl_usage(kpolctl):
    """All its flags, and its commands with those below them."""
    top = usage(kpolctl)
    flags, commands = flags_of(top), {}
    for command in commands_of(top):
        text = usage(kpolctl, command)
        flags |= flags_of(text)
        commands[command] = commands_of(text)
    return flags, commands


def words_of(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def check_flags(what, flags, wanted):
    expect(wanted - flags == set(), f"{what} lacks {sorted(wanted - flags)}")
    expect(flags - wanted == set(), f"{what} has {sorted(flags - wanted)}, which --help does not list")


def check_man(page, wanted, commands):
    text = page.read_text().replace("\\-", "-").replace('"', "")
    # Options are paragraphs with a tag of their own; elsewhere they are only spoken of.
    tags = "\n".join(re.findall(r"^\.TP\n(.*)$", text, re.MULTILINE))
    options = words_of("\n".join(line for line in tags.splitlines() if re.match(r"\.\w+ -", line)))
    timeout = {f for f in wanted if re.search(rf"^\.BR \w+ +\[ +{f}\b", tags, re.MULTILINE)}
    check_flags(page.name, options | timeout, wanted)
    for command, below in commands.items():
        for words in [command, *(f"{command} {name}" for name in below)]:
            expect(re.search(rf"^\.\w+ {words}\b", tags, re.MULTILINE), f"{page.name} lacks {words}")


def check_completion(file, flags, wanted, commands):
    check_flags(file.name, flags, wanted)
    text = file.read_text()
    for command, below in commands.items():
        for word in [command, *below]:
            expect(re.search(rf"\b{word}\b", text), f"{file.name} lacks {word}")


def fish_flags(text):
    return ({f"--{name}" for name in re.findall(r" -l ([a-z-]+)", text)} |
            {f"-{name}" for name in re.findall(r" -s ([a-z])\b", text)})


def bash_offers(file, *typed):
    """What bash offers for the last of these words."""
    script = ('. "$1"; shift; COMP_WORDS=(kpolctl "$@"); COMP_CWORD=$#; _kpolctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    run = subprocess.run(["bash", "-c", script, "bash", str(file), *typed], check=True,
                         capture_output=True, text=True)
    return set(run.stdout.split())


def check_bash(file, commands):
    for typed, offered in {
        ("",): {*commands, "--socket", "-o", "--output", "-h", "--help", "--version"},
        ("st",): {"status"},
        ("show", ""): {*commands["show"], "--socket", "-o", "--output", "-h", "--help"},
        ("show", "po"): {"pod", "pods", "policy", "policies"},
        ("-o", ""): {"table", "json", "yaml"},
        ("-o", "json", "sy"): {"sync"},
        ("sync", "--t"): {"--timeout"},
        ("status", "--t"): set(),
        ("completion", ""): {"bash", "fish", "zsh", "--socket", "-o", "--output", "-h", "--help"},
    }.items():
        got = bash_offers(file, *typed)
        expect(got == offered, f"{file.name}: after {typed} it offers {got}, not {offered}")


def main(packaging, kpold, kpolctl):
    man, completion = packaging / "man", packaging / "completion"
    flags, commands = kpolctl_usage(kpolctl)
    check_man(man / "kpolctl.1", flags, commands)
    check_man(man / "kpold.8", flags_of(usage(kpold)), {c: [] for c in commands_of(usage(kpold))})
    for page in sorted(man.iterdir()):
        run = subprocess.run(["man", "--warnings", "--local-file", str(page)], capture_output=True,
                             text=True)
        expect(run.returncode == 0 and not run.stderr, f"{page.name}: {run.stderr.strip()}")
        expect("NAME" in run.stdout, f"{page.name} is not shown")
    bash, zsh, fish = (completion / f"kpolctl.{shell}" for shell in ("bash", "zsh", "fish"))
    bash_words = " ".join(re.findall(r"\bwords\+?='([^']*)'", bash.read_text()))
    check_completion(bash, words_of(bash_words), flags, commands)
    check_completion(fish, fish_flags(fish.read_text()), flags, commands)
    zsh_text = re.sub(r"_arguments -C", "_arguments", zsh.read_text())
    zsh_words = words_of(zsh_text.replace("{", " ").replace(",", " "))
    check_completion(zsh, zsh_words, flags, commands)
    check_bash(bash, commands)
    for file in (bash, zsh, fish):
        printed = subprocess.run([kpolctl, "completion", file.suffix[1:]], check=True,
                                 capture_output=True, text=True).stdout
        expect(printed == file.read_text(), f"kpolctl completion does not print {file.name}")
    for problem in problems:
        print("FAIL", problem)
    print(f"usage texts: {checked - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
