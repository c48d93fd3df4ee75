"""# Content on demand

Makes what one person asks for: a brief by name, a prompt or a whole brief as text, or a file. Start it with *Trigger*;
`make run BRIEF=path.yaml` and `make run REQUESTS=path.jsonl` start it too.

A seed left empty comes from the run's id, so that triggering again makes something new. The seed is in the report; give
it back to make the same again. Unknown keys in a run's conf are refused by name.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param

from galley.airflow.choices import Choices
from galley.airflow.pipeline import DEFAULT_ARGS, TAG, content_pipeline
from galley.settings import Settings

settings = Settings()
choices = Choices.of(settings)
WHAT, HOW, FILE = "What to make (exactly one of the three)", "How", "For programs"

with DAG(
    dag_id="on_demand_content",
    description="A brief, a prompt or a request file, now",
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
    params={
        "text": Param("", type="string", format="multiline", maxLength=100_000, title="Prompt or brief", section=WHAT,
            description_md="A prompt, or a whole brief in YAML (with `name`, `kind`, `prompt` …)."),
        "brief": Param("", type="string", enum=choices.briefs, title="Brief", section=WHAT,
            values_display={"": "(none)"}, description="A brief of include/briefs, whether it is due or not."),
        "source": Param("", type="string", title="File", section=WHAT, examples=["file:///path/to/brief.yaml"],
            description="URI of a brief (.yaml) or a request file (.jsonl) on the machine that runs the tasks."),
        "kind": Param("image", type="string", enum=["image", "text"], title="Kind", section=HOW,
            description="What a prompt makes. Briefs say it themselves."),
        "model": Param("", type="string", enum=choices.models, title="Model", section=HOW,
            values_display={"": "(the brief's, or the kind's default)"}, description="A name of models.yaml."),
        "count": Param(None, type=["null", "integer"], minimum=1, maximum=100_000, title="Count", section=HOW,
            description="Rows to make; empty: as the brief says, one for a prompt."),
        "variants": Param(None, type=["null", "array"], items={"type": "object"}, title="Variants", section=HOW,
            description_md='Arms: `[{"name": "few", "params": {"num_inference_steps": 10}}, {"name": "many"}]`'),
        "seed": Param(None, type=["null", "integer"], minimum=0, title="Seed", section=HOW,
            description="Empty: made from the run's id."),
        "policy": Param("", type="string", enum=choices.policies, title="Policy", section=HOW,
            values_display={"": "(the brief's, or default)"}, description="Compliance policy of include/policies."),
        "fingerprint": Param("", type="string", pattern="^([0-9a-f]{64})?$", title="Fingerprint", section=FILE,
            description="sha256 that the file must have; set by galley run."),
    },
):  # fmt: skip
    content_pipeline(settings, form=True)
