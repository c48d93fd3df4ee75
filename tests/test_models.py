import json
import os
import shutil
from pathlib import Path

import pytest

from galley.errors import InputError, ModelError, ModelNotFound, ModelRefused
from galley.items import ResolvedModel
from galley.model_files import file_sha256, inspect, kind_of
from galley.models import Models, load_registry, verified_directory
from galley.settings import Settings
from tests.jobs import image_model, safetensors, source, text_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def shelf(tmp_path):
    """A registry with two starters that are there and a hub model that is not."""
    text_model(tmp_path / "starter-text")
    image_model(tmp_path / "starter-image")
    (tmp_path / "models.yaml").write_text(f"""
defaults: {{image: starter-image, text: starter-text}}
aliases: {{gpt-4o-mini: starter-text}}
models:
  starter-image: {{kind: image, source: ./starter-image, licence: MIT, params: {{width: 64, height: 64}}}}
  starter-text: {{kind: text, source: ./starter-text, licence: MIT, memory_gib: 3}}
  hub-text: {{kind: text, source: org/name, revision: {COMMIT}, licence: MIT, dtype: bfloat16}}
""")
    return tmp_path


def models(shelf):
    return Models.from_settings(
        Settings(models_file=shelf / "models.yaml", home=shelf / "home", models_cache=shelf / "cache")
    )


def cached(shelf, repo="org--name", commit=COMMIT):
    """The hub library's layout: blobs, and a snapshot of links to them."""
    plain = text_model(shelf / "plain")
    snapshot = shelf / "cache" / f"models--{repo}" / "snapshots" / commit
    blobs = shelf / "cache" / f"models--{repo}" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(plain.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(Path("../../blobs") / str(number))
    return snapshot


class TestNames:
    def test_an_empty_name_is_the_kinds_default(self, shelf):
        assert models(shelf).resolve("", "image").name == "starter-image"
        assert models(shelf).resolve("", "text").name == "starter-text"

    def test_an_alias_is_resolved_to_the_name(self, shelf):
        assert models(shelf).resolve("gpt-4o-mini", "text").name == "starter-text"

    def test_the_answer_carries_the_digest_and_the_defaults(self, shelf):
        answer = models(shelf).resolve("starter-image", "image")
        assert answer == ResolvedModel(
            name="starter-image",
            kind="image",
            digest=inspect(shelf / "starter-image").digest,
            defaults={"width": 64, "height": 64},
        )

    def test_another_kind_is_an_error(self, shelf):
        with pytest.raises(ModelError, match="makes text, not image"):
            models(shelf).resolve("starter-text", "image")

    def test_a_directory_is_a_model_too_and_two_names_of_the_same_bytes_have_one_digest(self, shelf):
        copy = text_model(shelf / "copy")
        found = models(shelf).resolve(str(copy), "text")
        assert found.name == str(copy)
        assert found.digest == models(shelf).resolve("starter-text", "text").digest

    @pytest.mark.parametrize("name", ["no-such-model", "../starter-text/nope", "a b", "org/name@main", "x" * 300])
    def test_an_unknown_name_is_not_found(self, shelf, name):
        with pytest.raises(ModelNotFound):
            models(shelf).resolve(name, "text")

    def test_a_hub_name_without_revision_says_how_to_give_one(self, shelf):
        with pytest.raises(ModelNotFound, match="other/thing@<40-digit commit>"):
            models(shelf).resolve("other/thing", "text")

    def test_a_job_gets_the_place_the_digest_and_the_dtype(self, shelf):
        cached(shelf)
        found = models(shelf).source("org/name")
        assert (found.name, found.source, found.revision) == ("hub-text", "org/name", COMMIT)
        assert found.dtype == "bfloat16"
        assert models(shelf).source("", "text").source == str(shelf / "starter-text")

    def test_memory_is_as_registered_or_from_the_weights(self, shelf):
        assert models(shelf).memory_bytes("starter-text") == 3 * 2**30
        weights = inspect(shelf / "starter-image").weight_bytes
        assert models(shelf).memory_bytes("starter-image") == 2**30 + 2 * weights


class TestHub:
    def test_what_is_not_in_the_cache_says_which_command_fetches_it(self, shelf):
        with pytest.raises(ModelNotFound, match="galley models pull hub-text"):
            models(shelf).resolve("hub-text", "text")

    def test_what_is_in_the_cache_is_used_without_the_network(self, shelf):
        cached(shelf)
        assert models(shelf).resolve("hub-text", "text").digest == inspect(shelf / "plain").digest

    def test_any_repository_may_be_named_with_its_commit(self, shelf):
        cached(shelf, "other--thing")
        assert models(shelf).resolve(f"other/thing@{COMMIT}", "text").digest == inspect(shelf / "plain").digest

    def test_what_was_pulled_stays_known_without_the_cache_and_other_bytes_are_refused(self, shelf):
        snapshot = cached(shelf)
        first = models(shelf)
        found = first.locate("hub-text")
        first.pin(found, first.files(found))
        digest = first.resolve("hub-text", "text").digest
        shutil.move(shelf / "cache", shelf / "away")
        assert models(shelf).resolve("hub-text", "text").digest == digest
        shutil.move(shelf / "away", shelf / "cache")
        (snapshot / "config.json").resolve().write_text('{"model_type": "gpt2", "changed": true}')
        with pytest.raises(ModelRefused, match="when it was pulled"):
            models(shelf).resolve("hub-text", "text")
        changed = models(shelf)
        with pytest.raises(ModelRefused, match="was recorded"):
            changed.pin(found, changed.files(found))

    def test_links_may_lead_to_the_blobs_but_not_beyond(self, shelf):
        snapshot = cached(shelf)
        secret = shelf / "secret.json"
        secret.write_text("{}")
        (snapshot / "config.json").unlink()
        (snapshot / "config.json").symlink_to(secret)
        with pytest.raises(ModelRefused, match="leads out"):
            models(shelf).resolve("hub-text", "text")


def lora(directory, values=b"\0\0\0\0", name="pytorch_lora_weights.safetensors"):
    """A directory as LoRAs are published; the weights fit nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    safetensors(directory / name, values)
    return directory


class TestAdapters:
    @pytest.fixture
    def shelf(self, shelf):
        lora(shelf / "house-style")
        lora(shelf / "line-art", b"\1\0\0\0", "art.safetensors")
        file = shelf / "models.yaml"
        file.write_text(
            file.read_text()
            + f"""
adapters:
  house-style: {{source: ./house-style, licence: MIT}}
  line-art: {{source: ./line-art, licence: MIT}}
  hub-style: {{source: org/style, revision: {COMMIT}, licence: MIT}}
"""
        )
        return shelf

    def digests(self, shelf, *names):
        return [models(shelf).resolve(name, "image").digest for name in names]

    def test_a_model_with_adapters_is_another_model(self, shelf):
        added = ["", "+house-style", "+line-art", "+house-style:0.5", "+house-style+line-art", "+line-art+house-style"]
        names = [f"starter-image{each}" for each in added]
        assert len(set(self.digests(shelf, *names))) == len(names)

    def test_names_of_one_thing_have_one_digest(self, shelf):
        names = ["starter-image+house-style", "+house-style", "starter-image+house-style:1.0"]
        names.append(f"starter-image+{shelf / 'house-style'}")
        assert len(set(self.digests(shelf, *names))) == 1
        assert models(shelf).resolve("+house-style:0.80", "image").name == "starter-image+house-style:0.8"

    def test_a_job_gets_their_places_and_verifies_them(self, shelf):
        found = models(shelf).source("starter-image+house-style:0.5+line-art", "image")
        assert [(each.name, each.weight) for each in found.adapters] == [("house-style", 0.5), ("line-art", 1.0)]
        files = verified_directory(found, shelf / "cache")
        assert files.digest == found.digest
        assert [(each.path.name, each.weight) for each in files.adapters] == [
            ("pytorch_lora_weights.safetensors", 0.5),
            ("art.safetensors", 1.0),
        ]
        lora(shelf / "line-art", b"\2\0\0\0", "art.safetensors")
        with pytest.raises(ModelRefused, match="changed after planning"):
            verified_directory(found, shelf / "cache")

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("starter-image+nothing", 'adapter "nothing" is not under adapters in models.yaml'),
            ("starter-image+house-style:much", "should be a number from -4 to 4"),
            ("starter-image+house-style:5", "should be a number from -4 to 4"),
            ("starter-image+house-style:nan", "should be a number from -4 to 4"),
            ("starter-image" + "+house-style" * 5, "cannot take 5 adapters"),
            ("starter-image+/no/where", 'adapter directory "/no/where" does not exist'),
            ("starter-image+hub-style", "pull the adapter"),
        ],
    )
    def test_what_cannot_be_added_is_named(self, shelf, name, told):
        with pytest.raises(ModelError, match=told):
            models(shelf).resolve(name, "image")

    def test_texts_take_none(self, shelf):
        with pytest.raises(ModelError, match="adapters are for models of images"):
            models(shelf).resolve("starter-text+house-style", "text")

    def test_a_directory_with_a_plus_in_its_name_is_a_directory(self, shelf):
        image_model(shelf / "a+b")
        assert models(shelf).locate(str(shelf / "a+b")).adapters == ()

    def test_an_adapter_is_one_file_of_its_own(self, shelf):
        lora(shelf / "line-art", name="another.safetensors")
        with pytest.raises(ModelRefused, match="which file is it"):
            models(shelf).resolve("starter-image+line-art", "image")
        (shelf / "line-art" / "another.safetensors").unlink()
        (shelf / "line-art" / "art.safetensors").unlink()
        (shelf / "line-art" / "art.safetensors").symlink_to(shelf / "house-style" / "pytorch_lora_weights.safetensors")
        with pytest.raises(ModelRefused, match="leads out of the directory"):
            models(shelf).resolve("starter-image+line-art", "image")


class TestRegistry:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ("source: org/name, revision: main", "models.m.revision"),
            ("source: org/name", "revision: missing"),
            ("source: ./m, revision: " + COMMIT, "a directory has none"),
            ("source: just-a-name", "neither a directory"),
            ("source: ./m, params: {steps: 3}", "params"),
            ("source: ./m, params: {temperature: -1}", "temperature"),
            ("source: ./m, colour: red", "models.m.colour"),
            ("source: ./m, dtype: int4", "models.m.dtype"),
            ("source: ./m, kind: image, dtype: int8", "dtype: int8 is for kind text"),
            ("source: ./m, engine: steps", "engine: 'steps' is none for kind text; give stock, slots, slots-fast"),
            ("source: ./m, kind: image, engine: slot", "give stock, steps, steps-fast"),
        ],
    )
    def test_a_wrong_entry_is_named(self, tmp_path, change, field):
        path = tmp_path / "models.yaml"
        kind = "" if "kind:" in change else "kind: text, "
        path.write_text(f"defaults: {{text: m}}\nmodels:\n  m: {{{kind}licence: MIT, {change}}}\n")
        with pytest.raises(InputError) as caught:
            load_registry(path)
        assert field in str(caught.value)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            "defaults: {text: n}\nmodels: {m: {kind: text, source: ./m, licence: MIT}}",
            "defaults: {image: m}\nmodels: {m: {kind: text, source: ./m, licence: MIT}}",
            "defaults: {text: m}\naliases: {a: n}\nmodels: {m: {kind: text, source: ./m, licence: MIT}}",
            "defaults: {text: m}\naliases: {m: m}\nmodels: {m: {kind: text, source: ./m, licence: MIT}}",
            "[]",
            "models: {",
            "",
        ],
    )
    def test_a_registry_that_contradicts_itself_is_an_error(self, tmp_path, text):
        path = tmp_path / "models.yaml"
        path.write_text(text)
        with pytest.raises(InputError):
            load_registry(path)

    def test_a_missing_registry_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match="GALLEY_MODELS_FILE"):
            load_registry(tmp_path / "none.yaml")

    def test_the_shipped_registry_is_valid_and_pins_the_hub(self):
        registry = load_registry(Settings().models_file)
        hub = [entry for entry in registry.models.values() if not entry.is_directory]
        assert {entry.source for entry in hub} >= {
            "stable-diffusion-v1-5/stable-diffusion-v1-5",
            "stabilityai/stable-diffusion-xl-base-1.0",
            "openai-community/gpt2-medium",
        }
        assert all(len(entry.revision) == 40 for entry in hub)


class TestDigest:
    def test_it_covers_what_a_loader_reads_and_nothing_else(self, tmp_path):
        directory = image_model(tmp_path / "m")
        before = inspect(directory).digest
        (directory / "README.md").write_text("hello")
        (directory / "safety_checker").mkdir()
        (directory / "safety_checker" / "pytorch_model.bin").write_bytes(b"x")
        (directory / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"x")
        assert inspect(directory).digest == before

    @pytest.mark.parametrize(
        "path",
        ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", "tokenizer/merges.txt"],
    )
    def test_any_change_of_a_read_file_changes_it(self, tmp_path, path):
        directory = image_model(tmp_path / "m")
        before = inspect(directory).digest
        (directory / path).write_text((directory / path).read_text() + " ")
        assert inspect(directory).digest != before

    def test_weights_count(self, tmp_path):
        assert (
            inspect(text_model(tmp_path / "a", b"\0\0\0\0")).digest
            != inspect(text_model(tmp_path / "b", b"\1\0\0\0")).digest
        )

    def test_shards_count_and_must_be_there(self, tmp_path):
        directory = text_model(tmp_path / "m")
        (directory / "model.safetensors").unlink()
        shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
        (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
        safetensors(directory / shards["a"])
        with pytest.raises(ModelNotFound, match="model-00002-of-00002"):
            inspect(directory)
        safetensors(directory / shards["b"])
        assert set(shards.values()) <= set(inspect(directory).files)

    def test_unchanged_files_are_not_read_again_and_changed_ones_are(self, tmp_path):
        file, cache = tmp_path / "f", tmp_path / "cache"
        file.write_bytes(b"one")
        os.utime(file, (1, 1))
        old = file.stat().st_mtime_ns
        first = file_sha256(file, cache)
        # A file changed this very second is not remembered: its change time is too near.
        assert not cache.exists()
        file.write_bytes(b"two")
        os.utime(file, ns=(old, old))
        assert file_sha256(file, cache) != first

    def test_a_remembered_sha256_is_used_and_a_torn_record_is_not(self, tmp_path, monkeypatch):
        file, cache = tmp_path / "f", tmp_path / "cache"
        file.write_bytes(b"one")
        monkeypatch.setattr("galley.model_files.time.time_ns", lambda: file.stat().st_mtime_ns + 10**10)
        first = file_sha256(file, cache)
        (record,) = cache.iterdir()
        known = json.loads(record.read_text())
        record.write_text(json.dumps(known | {"sha256": "remembered"}))
        assert file_sha256(file, cache) == "remembered"
        record.write_text("{")
        assert file_sha256(file, cache) == first

    def test_a_worker_refuses_other_bytes_than_planned(self, tmp_path):
        directory = text_model(tmp_path / "m")
        planned = source(directory)
        assert verified_directory(planned, tmp_path).directory == directory
        safetensors(directory / "model.safetensors", b"\7\7\7\7")
        with pytest.raises(ModelRefused, match="plan again"):
            verified_directory(planned, tmp_path)


class TestSafety:
    @pytest.mark.parametrize("name", ["modeling.py", "unet/my_unet.py", "x.so"])
    def test_code_in_the_directory_is_refused(self, tmp_path, name):
        directory = image_model(tmp_path / "m")
        (directory / name).write_text("print('hello')")
        with pytest.raises(ModelRefused, match="holds code"):
            inspect(directory)

    @pytest.mark.parametrize("key", ["auto_map", "custom_pipeline", "_attn_implementation_internal", "custom_generate"])
    @pytest.mark.parametrize("path", ["config.json", "tokenizer_config.json", "generation_config.json"])
    def test_a_key_that_names_code_is_refused_however_deep(self, tmp_path, key, path):
        directory = text_model(tmp_path / "m")
        (directory / path).write_text(json.dumps({"text_config": [{key: {"AutoModel": "evil.Model"}}]}))
        with pytest.raises(ModelRefused, match=key):
            inspect(directory)

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "model.ckpt", "model.pt", "tf_model.h5", "flax.msgpack"])
    def test_weights_that_are_only_pickles_are_refused(self, tmp_path, name):
        directory = text_model(tmp_path / "m")
        (directory / "model.safetensors").rename(directory / name)
        with pytest.raises(ModelRefused, match="convert them to safetensors"):
            inspect(directory)

    def test_an_adapter_that_a_loader_would_add_by_itself_is_refused(self, tmp_path):
        for directory, place in ((text_model(tmp_path / "t"), ""), (image_model(tmp_path / "i"), "text_encoder/")):
            (directory / f"{place}adapter_config.json").write_text("{}")
            with pytest.raises(ModelRefused, match="holds an adapter"):
                inspect(directory)

    @pytest.mark.parametrize(
        ("path", "key"),
        [("config.json", "transformers_weights"), ("tokenizer_config.json", "fast_tokenizer_files")],
    )
    def test_a_key_that_names_other_files_is_refused(self, tmp_path, path, key):
        directory = text_model(tmp_path / "m")
        (directory / path).write_text(json.dumps({key: "other.safetensors"}))
        with pytest.raises(ModelRefused, match=f"{key}.*other files"):
            inspect(directory)

    def test_all_that_any_loader_may_prefer_is_looked_at_and_counts(self, tmp_path):
        directory = image_model(tmp_path / "m")
        safetensors(directory / "text_encoder" / "diffusion_pytorch_model.safetensors")
        shard = "diffusion_pytorch_model-00001-of-00001.safetensors"
        index = directory / "unet" / "diffusion_pytorch_model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"w": shard}}))
        safetensors(directory / "unet" / shard)
        (directory / "text_encoder" / "scheduler_config.json").write_text("{}")
        (directory / "tokenizer" / "additional_chat_templates").mkdir()
        (directory / "tokenizer" / "additional_chat_templates" / "default.jinja").write_text("{{ messages }}")
        seen = set(inspect(directory).files)
        assert seen >= {
            "text_encoder/config.json", "text_encoder/model.safetensors",
            "text_encoder/diffusion_pytorch_model.safetensors", "text_encoder/scheduler_config.json",
            "unet/diffusion_pytorch_model.safetensors", f"unet/{shard}", f"unet/{index.name}",
            "tokenizer/additional_chat_templates/default.jinja",
        }  # fmt: skip
        index.write_text(json.dumps({"weight_map": {"w": "evil.bin"}}))
        with pytest.raises(ModelRefused, match="shards are safetensors"):
            inspect(directory)

    def test_a_pickle_beside_safetensors_is_not_read_and_does_not_count(self, tmp_path):
        directory = text_model(tmp_path / "m")
        before = inspect(directory).digest
        (directory / "pytorch_model.bin").write_bytes(b"x")
        assert inspect(directory).digest == before

    @pytest.mark.parametrize(
        "change",
        [
            {"_class_name": ["my_pipeline", "MyPipeline"]},
            {"_class_name": "../evil"},
            {"unet": ["my_unet", "MyUNet"]},
            {"unet": ["diffusers", "os.system"]},
            {"unet": ["diffusers", 3]},
        ],
    )
    def test_a_pipeline_that_brings_its_own_classes_is_refused(self, tmp_path, change):
        directory = image_model(tmp_path / "m")
        index = json.loads((directory / "model_index.json").read_text())
        (directory / "model_index.json").write_text(json.dumps(index | change))
        with pytest.raises(ModelRefused):
            inspect(directory)

    def test_a_component_cannot_lie_elsewhere(self, tmp_path):
        directory = image_model(tmp_path / "m")
        index = json.loads((directory / "model_index.json").read_text())
        (directory / "model_index.json").write_text(
            json.dumps(index | {"../m2": ["diffusers", "UNet2DConditionModel"]})
        )
        image_model(tmp_path / "m2")
        with pytest.raises(ModelNotFound):
            inspect(directory)

    def test_a_link_out_of_the_directory_is_refused(self, tmp_path):
        directory = text_model(tmp_path / "m")
        (tmp_path / "elsewhere").write_text("{}")
        (directory / "config.json").unlink()
        (directory / "config.json").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ModelRefused, match="leads out"):
            inspect(directory)

    @pytest.mark.parametrize("text", ["", "{", "[]", "\0"])
    def test_damaged_json_is_refused(self, tmp_path, text):
        directory = image_model(tmp_path / "m")
        (directory / "model_index.json").write_text(text)
        with pytest.raises(ModelRefused, match="JSON"):
            inspect(directory)

    def test_a_shard_index_cannot_name_files_elsewhere(self, tmp_path):
        directory = text_model(tmp_path / "m")
        safetensors(tmp_path / "other.safetensors")
        (directory / "model.safetensors").unlink()
        index = {"weight_map": {"w": "../other.safetensors"}}
        (directory / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(ModelRefused, match=r"names '../other"):
            inspect(directory)

    @pytest.mark.parametrize("missing", ["unet", "vae/diffusion_pytorch_model.safetensors", "tokenizer/vocab.json"])
    def test_an_incomplete_copy_is_named(self, tmp_path, missing):
        directory = image_model(tmp_path / "m")
        target = directory / missing
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        with pytest.raises(ModelNotFound, match="incomplete"):
            inspect(directory)

    def test_a_directory_that_is_no_model_is_not_found(self, tmp_path):
        with pytest.raises(ModelNotFound, match=r"neither model_index.json"):
            kind_of(tmp_path)
        with pytest.raises(ModelNotFound, match="does not exist"):
            inspect(tmp_path / "none")
