#!/usr/bin/env python3
"""Prints the Debian copyright file (DEP-5) of a package, `emotiond` or `emotiond-train`.

packaging/PACKAGE/copyright tells about everything that is no crate. To it are added the crates that are linked into the
program, for the processors amd64 and arm64, with the copyright lines and licence texts from their own files.
"""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# SPDX names of licences, the one that is taken first if there is a choice first.
PREFERRED = ["MIT", "MIT-0", "0BSD", "ISC", "Zlib", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "Unicode-3.0", "Apache-2.0",
             "MPL-2.0"]
DEBIAN_NAMES = {"MIT": "Expat"}
# Where a licence's text begins and ends in a file that may contain more.
TEXTS = {
    "MIT": (r"Permission is hereby granted, free of charge, to any\s+person obtaining a\s+copy", r"(DEALINGS\s+IN\s+THE\s+)?SOFTWARE\.\s*$"),
    "MIT-0": (r"Permission is hereby granted, free of charge", r"SOFTWARE\.\s*$"),
    "ISC": (r"Permission to use, copy, modify,", r"OF\s+THIS\s+SOFTWARE\."),
    "Zlib": (r"This software is provided .as-is.", r"source\s+distribution\."),
    "BSD-2-Clause": (r"Redistribution and use in source", r"OF\s+SUCH\s+DAMAGE\."),
    "BSD-3-Clause": (r"Redistribution and use in source", r"OF\s+SUCH\s+DAMAGE\."),
    "BSL-1.0": (r"Permission is hereby granted, free of charge, to any person or organization", r"DEALINGS\s+IN\s+THE\s+SOFTWARE\."),
    "Unicode-3.0": (r"NOTICE TO USER", r"of the\s+copyright\s+holder\."),
}
# Texts that every Debian system has.
COMMON = {"Apache-2.0", "MPL-2.0"}


def crates(package):
    """The (name, version) of the crates in the program, without those that only build it."""
    command = ["cargo", "tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    for machine in ("x86_64", "aarch64"):
        command += ["--target", f"{machine}-unknown-linux-gnu"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {(line.split()[0], line.split()[1].lstrip("v")) for line in lines if line}


def words(text):
    """What makes two texts the same."""
    return re.sub(r"\W+", " ", text).lower()


def described(package):
    """What cargo knows about these crates, ours left out."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    linked = crates(package)
    return [crate for crate in metadata["packages"] if crate["source"] and (crate["name"], crate["version"]) in linked]


def licences(expression):
    """The licences that are taken from an SPDX expression: all of those joined by AND, the preferred one of an OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def alternatives():
        found = [together()]
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            found.append(together())
        known = [choice for choice in found if all(name in PREFERRED for name in choice)]
        if not known:
            sys.exit(f"no licence of `{expression}` is known: add it to {Path(__file__).name}")
        return min(known, key=lambda choice: max(PREFERRED.index(name) for name in choice))

    def together():
        found = single()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            found = found + single()
        return found

    def single():
        token = tokens.pop(0)
        if token == "(":
            found = alternatives()
            tokens.pop(0)
            return found
        if tokens and tokens[0] == "WITH":
            return [f"{token} {tokens.pop(0)} {tokens.pop(0)}"]
        return [token]

    return alternatives()


def notices(crate):
    """The texts of a crate's licence files, also of the C sources in it."""
    folder = Path(crate["manifest_path"]).parent
    names = re.compile(r"(licen[cs]e|copying|copyright|unlicense)", re.I)
    files = [file for file in sorted(folder.rglob("*")) if names.match(file.name) and file.is_file()]
    return [file.read_text(errors="replace") for file in files if file.suffix not in (".rs", ".c", ".h", ".py")]


def holders(crate, texts):
    """Who holds the copyright: the lines of the licence files, else the authors."""
    lines = re.findall(r"^[\s*/#>-]*(copyright\b.*|(?:\(c\)|©).*)$", "\n".join(texts), re.I | re.M)
    # Sentences and the Apache licence's example also begin so, but have neither a year nor a sign.
    lines = [line for line in lines if re.search(r"\b(19|20)\d\d\b|^copyright:?\s*(\(c\)|©)", line, re.I)]
    lines = [re.sub(r"^(copyright|\(c\)|©|[\s:.,])+|<br>", "", line, flags=re.I).strip() for line in lines]
    authors = [re.sub(r"\s*<.*", "", author) for author in crate["authors"]] or [f"the authors of {crate['name']}"]
    lines = [line if re.search(r"[^\W\d]", line) else f"{line} {', '.join(authors)}" for line in lines if line]
    return list(dict.fromkeys(lines)) or authors


def text_of(licence, texts):
    """The licence's text in a crate's files; None if they do not have it."""
    if licence not in TEXTS:
        return None
    start, end = TEXTS[licence]
    for text in texts:
        text = re.sub(r"^[ \t]*(//|#|>|\*)+ ?", "", text.replace("\r", ""), flags=re.M)
        begin = re.search(start, text)
        if begin:
            stop = re.compile(end, re.M).search(text, begin.end())
            if stop:
                return re.sub(r"[ \t]+$", "", text[begin.start():stop.end()], flags=re.M).strip()
    return None


def indented(text):
    """The form of a text of several lines in a field."""
    return "\n".join(f" {line.strip()}" if line.strip() else " ." for line in text.splitlines())


def label_texts(chosen):
    """A name for each text of a licence, after (licence, words): the most frequent one gets the plain name."""
    labels = {}
    texts = defaultdict(list)
    for licence, text in chosen:
        if text:
            texts[licence].append(text)
    for licence, found in texts.items():
        for number, (said, _) in enumerate(Counter(map(words, found)).most_common(), 1):
            text = next(text for text in found if words(text) == said)
            name = DEBIAN_NAMES.get(licence, licence)
            labels[licence, said] = (name if number == 1 else f"{name}-{number}", text)
    return labels


def main():
    package = sys.argv[1]
    taken = []
    for crate in described(package):
        if not crate["license"]:
            sys.exit(f"the crate {crate['name']} states no licence")
        texts = notices(crate)
        taken.append((crate, holders(crate, texts), [(name, text_of(name, texts)) for name in licences(crate["license"])]))
    labels = label_texts(pair for _, _, chosen in taken for pair in chosen)

    groups = defaultdict(list)
    paragraphs = {}
    for crate, who, chosen in taken:
        names = []
        for licence, text in chosen:
            # A crate without the text has the usual one.
            plain = [pair for (name, _), pair in labels.items() if name == licence][:1]
            if licence in COMMON:
                plain = [(licence, f"The text of this licence is in /usr/share/common-licenses/{licence}.")]
            elif not plain:
                sys.exit(f"no crate has the text of {licence}: where it begins and ends must be in TEXTS")
            label, text = labels[licence, words(text)] if text else plain[0]
            paragraphs[label] = text
            names.append(label)
        groups[tuple(who), " and ".join(names)].append(f"crates/{crate['name']}-{crate['version']}/*")

    print((ROOT / "packaging" / package / "copyright").read_text().rstrip())
    for (who, licence), files in sorted(groups.items(), key=lambda item: item[1]):
        print("\nFiles: " + "\n ".join(files))
        print("Copyright: " + "\n ".join(who))
        print(f"License: {licence}")
    for label, text in sorted(paragraphs.items()):
        print(f"\nLicense: {label}\n{indented(text)}")


main()
