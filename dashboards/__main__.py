"""`python -m dashboards`: writes the JSON of every dashboard; a file nobody builds any more is removed."""

from dashboards.book import FOLDER, files

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    built = files()
    for file in FOLDER.glob("*.json"):
        if file not in built:
            file.unlink()
    for file, text in built.items():
        file.write_text(text, "utf-8")
