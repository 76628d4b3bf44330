"""What the pack says of itself to whoever opens it."""

from collections.abc import Mapping

from services.console.pack.redaction import Json

PUBLIC = """It names no person and no pupil. People stand as roles; their ids were replaced, anew in every file,
so that nobody can be followed from one to another. Numbers over fewer than {minimum} people are hidden, and with them
those from which they could be found."""
AUDIT = """It holds the opaque ids of people and acts, and all numbers, so that the separation of duties can be checked.
**It is not for publication.**"""


def readme(manifest: Mapping[str, Json]) -> str:
    """The file README.md of a pack."""
    public = manifest["audience"] == "public"
    who = PUBLIC.format(minimum=manifest["minimum_cell"]) if public else AUDIT
    notice = "\n**SIMULATED**: this program rests on imagined evidence.\n" if manifest["notice"] else ""
    hidden = manifest["not_recomputable"]
    count = len(hidden) if isinstance(hidden, list) else 0
    return f"""# Evidence of program {manifest["program_id"]}
{notice}
{manifest["decisions_count"]} decisions about {manifest["schools_count"]} schools, as of {manifest["as_of"]}.

{who}

| file | what it holds |
|---|---|
| `schools.csv` | each school and where it stands |
| `timeline.csv` | what happened, fact by fact, by role |
| `waivers-and-overrides.csv` | each leave to pass without a criterion, by role, with its reason and its end |
| `decisions/` | each decision with every input it rests on |
| `documents/` | the policies and calendars that decisions name, by digest |
| `manifest.json` | what is hidden, and the SHA-256 of every file |

## Verify it yourself

Install Firstbell (`pip install firstbell`), and with no server and no network:

    firstbell decision verify THIS-PACK.zip

or, for a pack that was written as a folder, `firstbell decision verify FOLDER`. Every file is compared with the
manifest, and every decision is decided again from its inputs by the policy it names. {count} decisions cannot be:
`not_recomputable` in the manifest names them, and why. The same facts always give the same pack, to the byte.
"""
