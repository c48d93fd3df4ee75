"""# Content on demand

Makes what one person asks for: a brief by name, a prompt or a whole brief as text, or a file. Start it with *Trigger*;
`make run BRIEF=path.yaml` and `make run REQUESTS=path.jsonl` start it too.

A seed left empty comes from the run's id, so that triggering again makes something new. The seed is in the report; give
it back to make the same again. Unknown keys in a run's conf are refused by name.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param

from galley.airflow.choices import Choices, or_nothing
from galley.airflow.pipeline import DEFAULT_ARGS, TAG, content_pipeline
from galley.settings import Settings

settings = Settings()
choices = Choices.of(settings)
# What stands in no section is open when the form opens.
HOW, FILE = "How", "For programs"
# The form asks for whatever may not be null.
TEXT, NUMBER = ["null", "string"], ["null", "integer"]

with DAG(
    dag_id="on_demand_content",
    description="A brief, a prompt or a request file, now",
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
    params={
        "text": Param(None, type=TEXT, format="multiline", maxLength=100_000, title="Prompt or brief",
            description_md="What to make: a prompt, as `a large red star on a white background`, or a whole brief in "
            "YAML. Fill in this field or one of the next two."),
        "brief": Param(None, title="Brief", **or_nothing(choices.briefs, "(none)"),
            description="A brief of include/briefs, whether it is due or not."),
        "source": Param(None, type=TEXT, title="File",
            description="URI of a brief (.yaml) or a request file (.jsonl) on the machine that runs the tasks, "
            "as file:///path/to/brief.yaml. The rows of a request file say everything themselves: leave How as it is."),
        "kind": Param("image", type="string", enum=["image", "text"], title="Kind", section=HOW,
            description="What a prompt makes. Briefs and files say it themselves."),
        "model": Param(None, title="Model", section=HOW,
            **or_nothing(choices.models, "(the brief's, or the kind's default)"), description="A name of models.yaml."),
        "policy": Param(None, title="Policy", section=HOW,
            **or_nothing(choices.policies, "(the brief's, or default)"),
            description="Compliance policy of include/policies."),
        "count": Param(None, type=NUMBER, minimum=1, maximum=100_000, title="Count", section=HOW,
            description="How many to make. Empty: as many as the brief says, one of a prompt."),
        "seed": Param(None, type=NUMBER, minimum=0, title="Seed", section=HOW,
            description="Empty: something new every time. The seed of an earlier run makes the same again."),
        "variants": Param(None, type=["null", "array"], items={"type": "object"}, title="Variants", section=HOW,
            description_md='To compare: `[{"name": "few", "params": {"num_inference_steps": 10}}, {"name": "many"}]`'),
        "fingerprint": Param(None, type=TEXT, pattern="^[0-9a-f]{64}$", title="Fingerprint", section=FILE,
            description="sha256 that the file must have; set by galley run."),
    },
):  # fmt: skip
    content_pipeline(settings, form=True)
