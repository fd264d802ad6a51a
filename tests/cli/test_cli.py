"""The command line over fakes: what it prints, what it exits with, what it says when something is wrong."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import ROOT
from shared.app.advance import advance
from shared.app.receive import receive
from shared.cli import context, output, watching
from shared.cli.main import COMMANDS, main, parser
from shared.domain.errors import Transient
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from pathlib import Path


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_runs_is_a_list_of_lines(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = life.live()
    assert main(["runs", "--json"]) == 0
    [line] = printed(capsys)
    assert set(line) == {"run", "recipe", "state", "reason", "updated", "job", "model", "endpoint"}
    assert (line["run"], line["state"], line["endpoint"]) == (run.name, "live", run.endpoint)


def test_show_adds_history_findings_metrics_and_cost(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = life.live()
    assert main(["show", run.name, "--json"]) == 0
    shown = printed(capsys)
    assert {"history", "findings", "metrics", "cost"} <= set(shown)
    assert shown["metrics"] == {"eval_loss": 0.5}


def test_show_writes_a_page_and_gives_the_curves(
    life: Life, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = life.live()
    out = tmp_path / "run.html"
    assert main(["show", run.name, "--json", "--html", str(out)]) == 0
    assert printed(capsys)["curves"]["loss"] == [[10, 2.0], [20, 1.0]]
    assert "Loss over steps 10 to 20" in out.read_text("utf-8")


def test_show_tells_what_stands_in_the_way(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.azureml.computes.clusters.clear()
    life.storage.recipes.put("support", "training: {learning_rat: 1}\n")
    name = life.until(life.drop(), "failed").name
    assert main(["show", name]) == 0
    said = capsys.readouterr().out
    assert "compute-missing error   The workspace has no compute 'gpu-cluster'." in said
    assert f"then: droptune retry {name}" in said
    assert "did you mean 'learning_rate'?" in said
    assert "then drop again: droptune drop FILE --recipe support" in said
    assert "2 things stand in the way." in said


def test_a_rejected_run_shows_its_lines_and_the_next_command(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = chats().splitlines(keepends=True)
    lines[2], lines[6] = b"oops\n", b"[]\n"
    name = life.drop(data=b"".join(lines))
    assert main(["show", name]) == 0
    said = capsys.readouterr().out
    assert "line 3:" in said
    assert "line 7:" in said
    assert "droptune drop FILE --recipe support" in said


def test_show_says_what_is_new(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    champion = life.live()
    life.tick()
    assert main(["show", life.drop("support/b.jsonl", chats(50))]) == 0
    assert f"since {champion.name}: 20.0% of the rows are new" in capsys.readouterr().out


def test_show_brings_the_report_as_a_page_or_as_json(
    life: Life, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = life.drop()
    assert main(["show", name, "--report"]) == 0
    page = capsysbinary.readouterr().out
    assert page.startswith(b"<!doctype html>")
    assert b"support/a.jsonl" in page
    assert main(["show", name, "--report", "--json"]) == 0
    assert json.loads(capsysbinary.readouterr().out)["rows"]["total"] == 40


@pytest.mark.usefixtures("life")
def test_a_run_that_is_not_there_is_an_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "none"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.rstrip().endswith("droptune runs")


@pytest.mark.parametrize(("bad", "code", "verdict"), [(0, 0, "usable"), (1, 2, "rejected")])
def test_check_exits_by_its_verdict(
    bad: int, code: int, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(chats() + b"oops\n" * bad)
    assert main(["check", str(path), "--json"]) == code
    assert printed(capsys)["verdict"] == verdict


def test_check_gives_1_for_refusals_a_recipe_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, path = tmp_path / "r.yaml", tmp_path / "a.jsonl"
    recipe.write_text("data: {max_bad_fraction: 0.1}")
    path.write_bytes(chats() + b"oops\n")
    assert main(["check", str(path), "--recipe", str(recipe), "--html", str(tmp_path / "r.html")]) == 1
    assert "DT201" in capsys.readouterr().out
    assert "<!doctype html>" in (tmp_path / "r.html").read_text("utf-8")


def test_strict_rejects_a_file_of_which_anything_is_to_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(chats() + b"\n")
    assert main(["check", str(path), "--json"]) == 0
    assert main(["check", str(path), "--json", "--strict"]) == 2
    assert '"DT202"' in capsys.readouterr().out


def test_check_says_what_is_new_since_an_earlier_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, earlier, page = tmp_path / "a.jsonl", tmp_path / "then.json", tmp_path / "r.html"
    path.write_bytes(chats(40))
    assert main(["check", str(path), "--json"]) == 0
    earlier.write_text(capsys.readouterr().out)
    path.write_bytes(chats(50))
    assert main(["check", str(path), "--since", str(earlier), "--html", str(page)]) == 0
    said = f"since {earlier}: 20.0% of the rows are new, 0.0% of the earlier ones are gone"
    assert said in capsys.readouterr().out
    assert "20.0%" in page.read_text("utf-8")
    path.write_bytes(chats(40))
    assert main(["check", str(path), "--since", str(earlier), "--strict"]) == 2
    assert "DT701" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "no report"), (b"oops", "is no report.json"), (b'{"version": 9}', "reads up to 1")],
)
def test_what_is_no_earlier_report_is_said_with_the_next_command(
    data: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, earlier = tmp_path / "a.jsonl", tmp_path / "then.json"
    path.write_bytes(chats())
    if data is not None:
        earlier.write_bytes(data)
    assert main(["check", str(path), "--since", str(earlier)]) == 3
    error = capsys.readouterr().err
    assert said in error
    assert error.rstrip().endswith("droptune check EARLIER --json > REPORT.json")


def test_check_gives_3_when_it_fails_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "no-such-file.jsonl"]) == 3
    assert "There is no file" in capsys.readouterr().err


def test_a_recipe_is_checked_with_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("cost: {idle_hour: 1}")
    assert main(["recipe", "check", str(path)]) == 1
    assert "did you mean 'idle_hours'?" in capsys.readouterr().err


def test_drop_uploads_and_names_the_run(
    life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(chats())
    assert main(["drop", str(path), "--recipe", "support", "--retrain", "--json"]) == 0
    dropped = life.world.drops.find("support/a.jsonl")
    assert printed(capsys) == {"run": dropped.run}
    assert dropped.retrain


def test_a_bad_file_stays_here(life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"oops\n")
    assert main(["drop", str(path), "--recipe", "support"]) == 1
    assert list(life.world.drops.all()) == []
    assert f"droptune check {path}" in capsys.readouterr().err


def test_a_bad_recipe_name_is_refused(life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(chats())
    assert main(["drop", str(path), "--recipe", "../other"]) == 1
    assert "cannot name a recipe" in capsys.readouterr().err
    assert list(life.world.drops.all()) == []


def test_ask_puts_the_question_and_notes_it_as_our_own(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    run = life.live()
    before = len(list(life.world.ledger.names("sweep/own/")))
    assert main(["ask", "support", "Open?", "--json"]) == 0
    assert printed(capsys)["answer"]
    assert len(list(life.world.ledger.names(f"sweep/own/{run.endpoint}/"))) == before + 1


@pytest.mark.usefixtures("life")
def test_ask_without_a_live_model_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "support", "Open?"]) == 1
    assert "No model of 'support' is live" in capsys.readouterr().err


def test_cancel_reaches_the_run(life: Life) -> None:
    name = life.drop()
    assert main(["cancel", name, "--reason", "wrong file"]) == 0
    assert life.until(name, "cancelled").reason.endswith("wrong file")


def test_endpoints_and_sweep_answer(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = life.live()
    assert main(["endpoints", "--json"]) == 0
    assert [(row["endpoint"], row["whose"]) for row in printed(capsys)] == [(run.endpoint, "ours")]
    assert main(["sweep", "--dry-run", "--json"]) == 0
    assert printed(capsys)["dry_run"] is True


def test_control_characters_are_shown_not_obeyed() -> None:
    assert output.safe("a\x1b[31mb\n") == "a\\x1b[31mb\\n"


def test_every_command_parses_and_has_a_home() -> None:
    from importlib import import_module

    for name, home in COMMANDS.items():
        module, function = home.split(":")
        assert callable(getattr(import_module(f"shared.cli.{module}"), function)), name
    assert parser().parse_args(["runs"]).command == "runs"


def test_the_env_file_is_taken_whole_unless_the_environment_holds_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    path = tmp_path / "env"
    path.write_text("# a comment\nDROPTUNE_INSTALLATION=from-file\nPOLL_SECONDS=9\n")
    monkeypatch.setattr(context, "ENV_FILE", path)
    monkeypatch.setenv("POLL_SECONDS", "1")
    monkeypatch.delenv("DROPTUNE_INSTALLATION", raising=False)
    context.read_env_file(None)
    assert (os.environ["DROPTUNE_INSTALLATION"], os.environ["POLL_SECONDS"]) == ("from-file", "9")  # noqa: TID251
    monkeypatch.setenv("DROPTUNE_INSTALLATION", "mine")
    monkeypatch.setenv("POLL_SECONDS", "1")
    context.read_env_file(None)
    assert os.environ["POLL_SECONDS"] == "1"  # noqa: TID251


def test_what_azd_writes_is_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = tmp_path / "droptune.env"
    path.write_text('DROPTUNE_INSTALLATION="droptune-x7"\nAZUREML_WORKSPACE_NAME="mlw-x7"\n')
    for key in ("DROPTUNE_INSTALLATION", "AZUREML_WORKSPACE_NAME"):
        monkeypatch.delenv(key, raising=False)
    context.read_env_file(str(path))
    assert os.environ["DROPTUNE_INSTALLATION"] == "droptune-x7"  # noqa: TID251
    assert os.environ["AZUREML_WORKSPACE_NAME"] == "mlw-x7"  # noqa: TID251


def test_events_are_printed_a_line_each_with_the_ids_that_the_topic_hears(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    life.live()
    assert main(["events"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in told] == [event.id for event in life.notices.topic.events]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_windows_writes_is_an_env_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """`azd env get-values > droptune.env` makes UTF-16 in PowerShell."""
    import os

    path = tmp_path / "droptune.env"
    path.write_text('DROPTUNE_INSTALLATION="droptune-x7"\r\nAZUREML_WORKSPACE_NAME="mlw-x7"\r\n', encoding)
    for key in ("DROPTUNE_INSTALLATION", "AZUREML_WORKSPACE_NAME"):
        monkeypatch.delenv(key, raising=False)
    context.read_env_file(str(path))
    assert os.environ["DROPTUNE_INSTALLATION"] == "droptune-x7"  # noqa: TID251
    assert os.environ["AZUREML_WORKSPACE_NAME"] == "mlw-x7"  # noqa: TID251


def test_an_env_file_that_is_no_text_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "droptune.env"
    path.write_bytes(b"A=\xff\n")
    assert main(["runs", "--env-file", str(path)]) == 1
    assert "is no UTF-8 text" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["-1", "0", "x", ""])
@pytest.mark.parametrize("command", ["runs", "events"])
def test_a_limit_that_is_no_number_is_said(
    capsys: pytest.CaptureFixture[str], command: str, limit: str
) -> None:
    assert main([command, f"--limit={limit}"]) != 0
    assert f"{limit!r} is no number above 0" in capsys.readouterr().err


def test_a_reader_that_has_had_enough_is_no_fault(tmp_path: Path) -> None:
    """As `droptune check … | head -1`: nothing is wrong with the path."""
    data = tmp_path / "many.jsonl"
    data.write_text('{"messages": [{"role": "user", "content": "Where?"}]}\n' * 20_000)
    command = [sys.executable, "-m", "shared.cli.main", "check", str(data), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read().decode()
        assert (process.wait(), said) == (141, "")


def test_help_names_a_command_that_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "check", "nowhere"]) == 1
    assert "droptune recipe check FILE" in capsys.readouterr().err
    assert main(["foretell", str(tmp_path), "--tokenizer", str(tmp_path)]) == 1
    assert f"{tmp_path} is a folder. Name a file: droptune foretell FILE" in capsys.readouterr().err


def test_who_has_no_name_on_this_machine_is_somebody(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nameless)
    name = life.drop()
    assert main(["cancel", name]) == 0
    assert life.until(name, "cancelled").history[-1].by == "somebody (command line)"


def test_only_a_waiting_run_can_be_approved(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    name = life.drop()
    assert main(["approve", name]) == 1
    assert "can be approved." in capsys.readouterr().err


def test_a_report_that_is_not_there_is_said_with_its_reason(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = life.drop("support/a.csv")
    assert main(["show", refused, "--report"]) == 1
    assert f"it ended rejected before its data were read. See why: droptune show {refused}" in (
        capsys.readouterr().err
    )
    run = life.live()
    assert main(["forget", run.drop.path]) == 0
    capsys.readouterr()
    assert main(["show", run.name, "--report"]) == 1
    assert f"The report of {run.name} was erased at 2026-" in capsys.readouterr().err


def test_the_table_of_endpoints_is_for_people(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = life.live()
    assert main(["endpoints"]) == 0
    told = capsys.readouterr().out
    assert f"{run.deployment} 100 %" in told
    address = life.world.endpoints.find(run.endpoint or "").scoring_url
    assert address
    assert address in told
    assert not set("{}[]'") & set(told)


@pytest.mark.usefixtures("life")
def test_a_sweep_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep"]) == 0
    assert "there is no endpoint to look at" in capsys.readouterr().out


def test_a_folder_is_found_without_the_slash_at_its_end(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    life.storage.drops.put("support/week/train.jsonl", chats())
    life.storage.drops.put("support/week/_SUCCESS", b"")
    name = receive(life.world, "support/week/_SUCCESS")
    assert main(["trace", "support/week", "--json"]) == 0
    found = printed(capsys)
    assert (found["drop"], [one["run"] for one in found["runs"]]) == ("support/week/", [name])


def test_a_drop_that_nobody_receives_is_told_of_while_it_is_waited_for(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app may be stopped; it may also be that an event was lost, and the timer comes in minutes."""
    waited = itertools.count(1)

    def a_second(_seconds: float) -> None:
        if next(waited) == watching.LOOKS + 5:
            name = receive(life.world, "support/a.csv")
            assert name is not None
            advance(life.world, life.timing, name)

    monkeypatch.setattr("shared.cli.watching.time.sleep", a_second)
    path = tmp_path / "a.csv"
    path.write_bytes(chats())
    assert main(["drop", str(path), "--recipe", "support", "--no-check", "--wait"]) == 1
    told = capsys.readouterr().err
    assert told.count("no run of it yet") == 1
    assert told.index("no run of it yet") < told.index("received")


def test_the_end_of_a_log_is_shown_line_by_line(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    run = life.until(life.drop(), "training")
    life.tick()
    life.azureml.jobs.fail(
        life.run(run.name).job or "", "it broke", "step 1\nstep 2\x1b[31m\nRuntimeError: x"
    )
    life.until(run.name, "failed")
    assert main(["show", run.name]) == 0
    told = capsys.readouterr().out
    assert "  step 2\\x1b[31m\n  RuntimeError: x" in told
    assert "\\n" not in told


def test_what_may_pass_by_itself_is_said_to(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.storage.fail_next("documents.names", Transient("storage-unavailable", "Storage does not answer."))
    assert main(["runs"]) == 1
    assert "Storage does not answer. Try again in a minute; if it stays so: droptune doctor" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "both", [["show", "r", "--report", "--html", "o"], ["sweep", "--dry-run", "--plan", "d"]]
)
def test_of_two_that_exclude_each_other_none_is_passed_over(both: list[str]) -> None:
    """`show --report --html OUT` wrote no OUT, and `sweep --dry-run --plan` applied nothing: both ended 0."""
    assert main(both) == 2


def test_an_error_has_a_line_of_its_own_behind_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reads() -> None:
        with output.bar("checking", 100) as show:
            show(50)
            raise OSError("gone")

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(OSError, match="gone"):
        reads()
    assert capsys.readouterr().err.endswith("\r\x1b[K")


def test_what_a_terminal_has_no_code_for_is_spelled_out(tmp_path: Path) -> None:
    """A finding quotes the data; a pipe on Windows has its code page, and no more."""
    import os

    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "\u6f22": 1}
    (tmp_path / "a.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    command = [sys.executable, "-m", "shared.cli.main", "check", str(tmp_path / "a.jsonl")]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}  # noqa: TID251
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"\\u6f22" in done.stdout
