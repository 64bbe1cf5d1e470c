#!/usr/bin/python3
"""Writes the tables of docs/failures.md from the messages in the sources; with --check, compares.

A message is a text of three or more words in coupler or adapters. It says what is wrong, then "; " and the cure. The cure
may stand in a text behind it that begins with ";". What has neither is a problem here, until it has a cure or OTHER_TEXTS
says that it is none of Ekman's messages. The words around the tables are written by hand, in docs/failures.md.
"""
import bisect
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/failures.md"

# Table of docs/failures.md: files, or functions of them, in the order of the table. The first that fits has the message.
TABLES = {
    "plan": ["coupler/command/main.cpp", "adapters/yaml/plan_from_yaml.cpp", "adapters/yaml/document.cpp",
             "adapters/yaml/tree.cpp", "adapters/yaml/check_keys.cpp", "coupler/plan/cross_check.cpp",
             "adapters/yaml/artifact_defaults.cpp", "adapters/yaml/builtin_from_yaml.cpp", "coupler/plan/builtin_check.cpp",
             "coupler/plan/training_check.cpp", "coupler/plan/loss_check.cpp", "coupler/plan/record_check.cpp", "adapters/yaml/training_from_yaml.cpp",
             "coupler/plan/restart_label.cpp", "adapters/yaml/diagnostics.cpp", "coupler/command/graph.cpp"],
    "advice": ["coupler/plan/advice.cpp"],
    "start": ["coupler/session/startup.cpp", "coupler/comm/handshake.cpp", "coupler/api/coupler.cpp:on_own_communicator",
              "coupler/api/ml_library.cpp",
              "coupler/engine/placement.cpp", "coupler/command/run_record.cpp"],
    "definitions": ["coupler/session/component_side.cpp:def_points", "coupler/session/component_side.cpp:def_field",
                    "coupler/session/component_side_coordinates.cpp",
                    "coupler/exchange/pack.cpp:Axes", "coupler/api/fortran_api.cpp:integer_of",
                    "coupler/session/component_side.cpp:enddef", "coupler/api/boundary.hpp:require_step",
                    "coupler/session/definitions.cpp", "coupler/session/point_check.cpp"],
    "end": ["coupler/session/component_side.cpp:ComponentSide", "coupler/session/component_side.cpp:finalize",
            "coupler/api/coupler.cpp:~Coupler"],
    "run": ["coupler/session/component_side.cpp", "coupler/exchange/pack.cpp", "coupler/exchange/reduction.cpp",
            "coupler/session/component_route.cpp", "coupler/session/component_adjoint.cpp",
            "coupler/session/component_side_adjoint.cpp", "coupler/session/component_side_scalar.cpp",
            "coupler/session/component_side_facts.cpp",
            "coupler/session/row_inbox.cpp", "coupler/session/row_receiver.cpp", "coupler/session/ml_side.cpp",
            "coupler/api/fortran_api.cpp",
            "coupler/api/fortran_view.cpp", "coupler/api/c_api.cpp"],
    "networks": ["adapters/torch/script_file.cpp", "adapters/torch/optimized_script.cpp", "coupler/base/sha256.cpp", "adapters/json/artifact_file.cpp",
                 "adapters/torch/script_network.cpp",
                 "adapters/torch/argument_shape.cpp", "adapters/torch/mlp_network.cpp", "adapters/torch/torch_engine.cpp",
                 "adapters/torch/builtin_network.cpp", "adapters/torch/builtin_parts.cpp",
                 "adapters/torch/module_network.cpp", "adapters/torch/own_network.cpp",
                 "adapters/torch/include/ekman/network.hpp", "coupler/plan/builtin_networks.cpp",
                 "adapters/torch/cuda_graph.cpp", "coupler/engine/echo_engine.cpp", "coupler/engine/sleep_engine.cpp", "coupler/plan/sizes.cpp", "adapters/torch/house.cpp",
                 "coupler/engine/arithmetic.cpp", "coupler/session/component_side_inline.cpp",
                 "coupler/command/inline_network.cpp", "coupler/command/network_library.cpp",
                 "coupler/base/process_tuning.cpp"],
    "learning": ["adapters/torch/flat_parameters.cpp", "adapters/torch/training_forward.cpp", "adapters/torch/lesson_tiles.cpp",
                 "adapters/torch/lesson_loss.cpp", "adapters/torch/own_loss.cpp",
                 "adapters/torch/loss_method.cpp", "adapters/torch/learning_check.cpp", "adapters/torch/learning_counters.cpp", "adapters/torch/torch_learner.cpp",
                 "adapters/torch/learned_arrays.cpp", "adapters/torch/learned_network.cpp",
                 "adapters/torch/network_tensors.cpp", "adapters/torch/torch_tape.cpp", "coupler/session/learning_record.cpp",
                 "coupler/session/learning_summary.cpp", "coupler/offline/recordings.cpp", "coupler/offline/data_split.cpp",
                 "coupler/offline/lesson_parts.cpp", "coupler/offline/lesson_statistics.cpp", "coupler/command/plan_statistics.cpp",
                 "adapters/hdf5/statistics_file.cpp", "adapters/torch/row_normalization.cpp", "coupler/command/evaluation_files.cpp", "coupler/command/python_figure.cpp",
                 "coupler/offline/offline_training.cpp", "coupler/offline/evaluation.cpp", "coupler/offline/prediction.cpp", "coupler/command/recorded_data.cpp",
                 "coupler/command/train.cpp", "coupler/command/evaluate.cpp", "coupler/command/run_for_all.cpp"],
    "mimic": ["coupler/command/mimic.cpp", "coupler/command/mimic_options.cpp", "coupler/command/mimic_script.cpp",
              "coupler/command/mimic_component.cpp"],
    "simulate": ["coupler/command/simulate.cpp", "coupler/simulation/cluster.cpp", "coupler/simulation/simulated_job.cpp"],
    "guard": ["coupler/session/guard_log.cpp"],
    "tensors": ["adapters/tensor/handles.cpp", "adapters/tensor/boundary.cpp", "adapters/tensor/boundary.hpp",
                "adapters/tensor/create.cpp", "adapters/tensor/arrays.cpp", "adapters/tensor/operators.cpp",
                "adapters/tensor/functions.cpp", "adapters/tensor/gradients.cpp", "adapters/tensor/objects.hpp",
                "adapters/tensor/networks.cpp", "adapters/tensor/local_network.cpp", "adapters/tensor/losses.cpp",
                "adapters/tensor/optimizers.cpp", "adapters/tensor/local_optimizer.cpp", "adapters/tensor/optimizer_file.cpp",
                "adapters/tensor/coupled.cpp", "adapters/tensor/array_of_tensor.cpp", "adapters/tensor/exchanges.cpp",
                "adapters/tensor/exchanges_backward.cpp"],
    "checkpoints": ["adapters/torch/checkpoint_file.cpp", "adapters/torch/checkpoint_store.cpp",
                    "coupler/base/durable_file.cpp", "adapters/torch/checkpoint_network.cpp",
                    "coupler/session/training_log.cpp", "coupler/engine/replay.cpp",
                    "coupler/engine/delayed_inputs.cpp"],
    "restart": ["coupler/session/component_side_restart.cpp", "coupler/session/ml_side_restart.cpp",
                "coupler/session/ml_restart.cpp", "coupler/session/learning_restart.cpp", "coupler/restart/restart_moment.cpp",
                "coupler/restart/restart_header.cpp", "coupler/session/inline_restart.cpp", "adapters/hdf5/restart_store.cpp",
                "adapters/hdf5/hdf5_handle.cpp", "adapters/hdf5/restart_file.cpp", "adapters/hdf5/hdf5_attributes.cpp"],
    "recordings": ["coupler/session/recorder.cpp", "coupler/session/route_description.cpp",
                   "coupler/command/serve.cpp:prepare_recording", "adapters/hdf5/recording_store.cpp",
                   "adapters/hdf5/recording_writer.cpp", "adapters/hdf5/recording_reader.cpp", "coupler/command/inspect.cpp",
                   "coupler/command/merge_recordings.cpp"],
    "profile": ["coupler/command/profile_record.cpp", "coupler/command/report.cpp", "coupler/command/learning_curves.cpp",
                "adapters/yaml/run_facts.cpp", "adapters/hdf5/profile_file.cpp", "adapters/hdf5/table_file.hpp",
                "adapters/hdf5/table_file.cpp"],
    "studies": ["adapters/yaml/study_from_yaml.cpp", "adapters/yaml/plan_path.cpp", "coupler/command/sweep_points.cpp",
                "coupler/command/sweep.cpp", "coupler/command/sweep_runs.cpp", "coupler/command/sweep_slurm.cpp",
                "coupler/study/slurm_job.cpp", "coupler/study/supervised_run.cpp", "coupler/study/run_state.cpp",
                "coupler/study/study_results.cpp", "adapters/hdf5/study_file.cpp"],
    "timeouts": ["coupler/session/watchdog.cpp"],
    "machine": ["coupler/api/boundary.hpp", "coupler/command/serve.cpp", "coupler/comm/communicator.cpp",
                "coupler/comm/persistent.cpp"],
    "ekman": ["coupler/base/check.cpp", "coupler/plan/serialise.cpp", "coupler/exchange/wire.cpp",
              "coupler/engine/row_layout.cpp"],
}
# Messages that go to the table "ekman" from any file.
OWN_MISTAKE = "this is a mistake in Ekman"
# Lists of docs/failures.md: what the texts are that stand in these calls, or functions.
LISTS = {"unreadable": re.compile(r"\b(throw_unreadable|require)\(|^coupler/plan/serialise\.cpp:.*\bfail\(", re.S),
         "remedies": re.compile(r"^coupler/session/wait_report\.cpp:remedy:")}

# Texts that are no messages, or the beginning or the middle of some: all of the file, those that fit, or all but those that
# fit. A text inside RAISED is a message in any file, unless it fits.
OTHER_TEXTS = {
    "adapters/json/artifact_file.cpp": r"^ekman artifact 1$|^artifact … …$|^(from|written with|supports|sha256 of) |^…: … ",
    "adapters/torch/checkpoint_file.cpp": r"^(it|its|there) |^array |^ekman (checkpoint 2|artifact 1)$",
    "adapters/torch/checkpoint_network.cpp": r'^network "…": checkpoint … …$',
    "adapters/torch/checkpoint_store.cpp": r"^(make the directory|write to|a checkpoint|… checkpoints)$|learns from step … on: ",
    "adapters/torch/linear_layers.cpp": r"^.Tensor x, Tensor panels",
    "adapters/tensor/create.cpp": r"^a new tensor$",
    "adapters/tensor/gradients.cpp": r"^a second time$",
    "adapters/tensor/local_network.cpp": r"^networks: ",
    "adapters/tensor/networks.cpp": r"^assignment of a network$",
    "adapters/tensor/optimizers.cpp": r"^assignment of an optimizer$",
    "adapters/hdf5/hdf5_handle.cpp": r"^error message = |HDF5 gives no reason",
    "adapters/hdf5/hdf5_attributes.hpp": "",
    "adapters/hdf5/netcdf.cpp": r"^This is a netCDF dimension",
    "adapters/hdf5/recording_format.hpp": "",
    "adapters/hdf5/recording_reader.cpp": r"^its? |^seconds since",
    "adapters/hdf5/recording_writer.cpp": r"^(?!cannot )",
    "adapters/hdf5/statistics_file.cpp": r"^its? |^make it anew|^there is no such file$|^… has … levels and|^Mean and|^standard dev",
    "adapters/hdf5/table_file.hpp": r"^its …/… has",
    "adapters/hdf5/profile_file.cpp": r"^its? |^there is no such file$|^run again with `output|^row … of its course",
    "adapters/torch/row_normalization.cpp": r"^its checkpoint$",
    "coupler/command/profile_record.cpp": r"^the profile of",
    "coupler/command/plan_statistics.cpp": r"^training part of|mean and std of … over",
    "adapters/hdf5/restart_store.cpp": r"^(make the folder|rename|remove) ",
    "adapters/torch/argument_shape.cpp": r"^… \(… level",
    "adapters/torch/compat.hpp": "",
    "adapters/torch/flat_parameters.cpp": r'^none \(was it frozen|\(its parameters are: |^network "…": …$',
    "adapters/torch/learning_check.cpp": r'^network "…": …$',
    "adapters/torch/learning_counters.cpp": "^loss …, $",
    "adapters/torch/house.cpp": r"^CPU capability usage$|LibTorch …",
    "adapters/torch/learned_arrays.cpp": r'^it has |^"…" (is|has) …',
    "adapters/torch/learned_network.cpp": r'^"…" is |^`training\.|^`normalize` has |^it was learned |^not given$|^mean and std of … levels',
    "adapters/torch/lesson_loss.cpp": r'^network "…": …$|^, the number of the class$',
    "adapters/torch/network_tensors.cpp": r"^… parameters in … tensors$|^…: … learn",
    "coupler/session/startup.cpp": r"^the ML ranks$",
    "coupler/session/undefined_outputs.cpp": r'^network "…": nobody gets ',
    "adapters/torch/loss_method.cpp": r'^network "…": the loss ',
    "adapters/torch/script_file.cpp": r'^… … …$|^network "…": the loss$|^`torchscript`( under `loss`)? in the plan$|^…: … values in|^class …, …$'
                                      r"|^without a name$|^in (train|eval) mode$",
    "adapters/torch/script_network.cpp": r'^network "…": forward\(\) of …$|^…argument … of shape|^ and …$',
    "adapters/torch/torch_engine.cpp": r'cannot run on device "…": …$|^tiles of|^cpu, … thread|^CUDA graph, …$',
    "adapters/torch/torch_message.cpp": "",
    "adapters/torch/torch_tape.cpp": r"^forward, with its graph kept$",
    "adapters/torch/training_forward.cpp": r"^its training forward (gives|draws|changes)|^samples of a tile see each other",
    "adapters/torch/lesson_tiles.cpp": r"^a loss of one's own may|^no CUDA graph of its training|^its training step is a",
    "adapters/yaml/check_keys.cpp": r'^an empty list$|^unknown key "…"…$',
    "adapters/yaml/study_keys.cpp": "",
    "adapters/hdf5/study_file.cpp": r"^run it again$|^Results of a study",
    "coupler/study/run_state.cpp": r"^status: …",
    "coupler/study/slurm_job.cpp": r"^#|^cd … |^begin=|^srun|^it says nothing$|^ :… --het|status",
    "coupler/command/sweep.cpp": r"^warning: left out: |^%s: %s, %s each|^study …: … with|^stopped$|^stopped; ",
    "coupler/command/sweep_points.cpp": r"^# … of the study",
    "coupler/command/sweep_progress.cpp": "",
    "coupler/command/sweep_results.cpp": r"^exit status …: …$|^results are in ",
    "coupler/command/sweep_runs.cpp": r"^it has said nothing$",
    "coupler/command/sweep_slurm.cpp": r"found again$|^job … ended …$|^without a word$|in the queue of Slurm|^(1|…) jobs? stays?$|^`ekman sweep` finds",
    "adapters/yaml/artifact_defaults.cpp": r"^amp_|^the network alone$|has from the artifact|of the artifact( is left out.*)?$|^the rest of",
    "adapters/yaml/key_reference.cpp": "",
    "adapters/yaml/key_schema.cpp": "",
    "adapters/yaml/key_table.cpp": "",
    "adapters/yaml/training_from_yaml.cpp": r"^a term of the loss$",
    "adapters/yaml/training_keys.cpp": "",
    "coupler/api/coupler.cpp": r"^component \"…\" \(rank … of MPI_COMM_WORLD\)$",
    "coupler/base/version.cpp": "",
    "coupler/comm/node_memory.cpp": "",
    "coupler/command/graph.cpp": r"[<=\[]|^cluster|^ML rank|^in each rank of|^\.\.\. … more$|^falls back$|^cannot be (given a pipe|started)$",
    "coupler/command/inspect.cpp": r"^…: …, (recording|restart|profile|mean and std|checkpoint|TorchScript)",
    "coupler/command/learning_curves.cpp": r"^it has no header$|^its first column|^row … has not",
    "coupler/command/report.cpp": r"^This run was not profiled|^… is of a run before",
    "coupler/profile/profile_text.cpp": "",
    "coupler/profile/wait_sentences.cpp": "",
    "adapters/json/report_json.cpp": "",
    "adapters/json/trace_json.cpp": "",
    "coupler/command/evaluation_files.cpp": r"^errors by level$|^pairs of truth",
    "coupler/command/merge_recordings.cpp": r"^network … of component|^left out: ",
    "coupler/command/recording_words.cpp": r"^… x … grid$",
    "coupler/command/mimic_words.cpp": "",
    "coupler/simulation/main.cpp": "",
    "coupler/simulation/simulated_job.cpp": r"^is run by|^say `|^runs in its|^simulated … s",
    "coupler/command/main.cpp": r"^(?!must be|ekman check needs)",
    "coupler/command/plan_summary.cpp": "",
    "coupler/command/plan_words.cpp": "",
    "coupler/command/run_record.cpp": r"^# What|^write (ekman-run.yaml )?to$",
    "coupler/command/evaluate.cpp": r'^network "…" of … on …$|predicted times in|left out that were not|^by level: |^rank of ekman',
    "coupler/command/learning_files.cpp": r'^network "…" learns: ',
    "coupler/command/recorded_data.cpp": r'^no network (of the plan|"…" of the plan)$',
    "coupler/command/train.cpp": r'^network "…": (epoch …|… rank|… recorded)|^rank (… on|of ekman)',
    "coupler/offline/recordings.cpp": r'^(levels|units) of "…"$|^points of a chunk$|^their samples$|^grids of … x …$',
    "coupler/command/serve.cpp": r"^(error: )?ML rank (… )?on …: …$|^ML rank … of …: network|^network \"…\" learns: |^`ekman serve` \(rank",
    "coupler/command/inline_network.cpp": r'^restart set "…" of component "…" is written$',
    "coupler/session/component_side_inline.cpp": r'^component "…": network "…" runs inline|^rank … on …: … and rank',
    "adapters/yaml/builtin_keys.cpp": "",
    "adapters/yaml/builtin_from_yaml.cpp": r"^(widths|numbers) of ",
    "adapters/torch/builtin_network.cpp": r'^network "…" \(',
    "coupler/command/networks.cpp": "",
    "coupler/plan/builtin_networks.cpp": r"\.$",
    "coupler/session/inline_restart.cpp": r'^network "…": …$',
    "coupler/engine/sleep_engine.cpp": r"^sleep, … ms|^giving its core away$",
    "coupler/command/mimic.cpp": r"^ekman mimic … …$|^rank of ekman mimic$",
    "coupler/command/mimic_component.cpp": r'^component "…" on … rank',
    "coupler/command/mimic_options.cpp": r'^--(ranks|levels) of "…"$',
    "coupler/engine/arithmetic.cpp": r"^…ML rank … on …: …$",
    "coupler/engine/chunk_tree.cpp": r"^(leaf|node) … |were added when the total",
    "coupler/engine/replay.cpp": r"^(there is no )?array |were kept, with room for",
    "coupler/engine/placement.cpp": r'^auto: no GPU on this node|cuda_graph is ignored on a CPU$|shares its GPU|^network "…", ML rank …$',
    "coupler/exchange/wire.hpp": "",
    "coupler/plan/advice.cpp": r"^chunk: … gives work to all",
    "coupler/plan/calendar.cpp": "",
    "coupler/restart/restart_header.cpp": "",
    "coupler/session/component_side.cpp": r"^component \"…\", rank …$",
    "coupler/session/component_side_adjoint.cpp": r'^put_adjoint of "…"$|^zero_grad of network "…"$',
    "coupler/session/ml_restart.cpp": r" is written$|^rank …$",
    "coupler/session/ml_side_restart.cpp": r"^network \"…\": …$| goes on at …, from …$| begins to learn here|^rank …$|^has (finalized|put for …)$",
    "coupler/session/recorder.cpp": r'^network "…": recorded |^warning: network "…", ML rank … of it: (recording stops|the last recording is)',
    "coupler/session/state_record.hpp": "",
    "coupler/session/survey.cpp": "",
    "coupler/session/learning_summary.cpp": r'^network "…" (learns no more|has made …)|^, |^; | \(least ',
    "coupler/session/training_log.cpp": r"^, one of them in half$|^…: step …$",
    "coupler/session/wait_report.cpp": "",
    "coupler/session/wait_words.cpp": "",
}
RAISED = re.compile(r"\b(Error|runtime_error|misuse|fail|agree|log_line)\(")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|#\s*include[^\n]*|\'(?:[^\'\\\n]|\\.)+\'|R"\w*\(.*?\)\w*"|"((?:[^"\\\n]|\\.)*)"', re.S)
FUNCTION = re.compile(r"^(?! )[^#/\n]*?([~\w]+)\(|^  (?! |if|for|while|switch|else|return)[^#/\n]*?([~\w]+)\([^\n]*\{$", re.M)

# `place` is file:function, `call` what the source says in front of the text, from the beginning of the statement.
Text = collections.namedtuple("Text", "place line call words")
Message = collections.namedtuple("Message", "place wrong cure")


def words_of(literal, is_format):
    """The text as a reader sees it, with … for what is filled in."""
    text = re.sub(r"\\(.)", lambda found: {"n": " "}.get(found[1], found[1]), literal)
    if is_format:
        text = re.sub(r"\b(rank|chunk|sample|level)\{\}", r"\1(s)", text)
        text = re.sub(r"\{[^{}]*\}", "…", text.replace("{{", "\0").replace("}}", "\1"))
        return re.sub("…+", "…", text.replace("\0", "{").replace("\1", "}"))
    return re.sub('^" ', '"…" ', re.sub(' "$', ' "…"', re.sub(" $", " …", text)))


def texts(file):
    """The string literals of a file, neighbours joined."""
    source = file.read_text()
    code = TOKEN.sub(lambda token: re.sub(r"[^\n]", " ", token[0]), source)
    starts, names = [0], [""]
    for found in FUNCTION.finditer(code):
        starts.append(found.start())
        names.append(found[1] or found[2])
    joined = []
    for token in TOKEN.finditer(source):
        if token[1] is None:
            continue
        if joined and not source[joined[-1][1]:token.start()].strip():
            joined[-1][1:] = [token.end(), joined[-1][2] + token[1]]
        else:
            joined.append([token.start(), token.end(), token[1]])
    for start, _, literal in joined:
        place = f"{file.relative_to(ROOT).as_posix()}:{names[bisect.bisect(starts, start) - 1]}"
        call = re.split(r"[;{}]", code[:start])[-1]
        yield Text(place, source.count("\n", 0, start) + 1, call, words_of(literal, re.search(r"format\(\s*$", call)))


def cut(words):
    """(what is wrong, cure or "") of a text."""
    wrong, _, cure = words.rpartition("; ")
    if cure.startswith("found "):   # "... must be ...; found ...": the message asks for what it takes
        return words, "write what it asks for"
    return (wrong, cure) if wrong else (words, "")


class Scan:
    def __init__(self):
        self.messages, self.lists, self.problems = [], {name: [] for name in LISTS}, []
        self.fitted = set()
        for folder in ("coupler", "adapters"):
            for file in sorted((ROOT / folder).rglob("*")):
                if file.suffix in (".cpp", ".hpp", ".h"):
                    self.read(file)
        self.problems += [f"docs/failures.py: no text of {file} is what OTHER_TEXTS says"
                          for file in OTHER_TEXTS if file not in self.fitted]

    def read(self, file):
        waiting = []   # texts without a cure, of the same function
        for text in texts(file):
            if waiting and waiting[0].place != text.place:
                waiting = self.give_up(waiting)
            raised = RAISED.search(text.call) is not None
            enough = 2 if raised or waiting or self.list_of(text) else 3
            has_words = len(text.words.split()) >= enough and re.search("[a-z]{3}", re.sub(r"^\w+: ", "", text.words))
            if not has_words or self.is_other(text, raised):
                continue
            if self.list_of(text):
                self.lists[self.list_of(text)].append(text.words)
                continue
            wrong, cure = cut(text.words)
            goes_on = text.words[0] in " ,;:"
            if goes_on and waiting and (cure or text.words[0] == ";"):
                cure = cure or text.words[2:]
                between = "" if text.words[0] == ";" else wrong
                self.messages += [Message(one.place, one.words + between, cure) for one in waiting]
                waiting = []
            elif cure and wrong.strip(" ,:"):
                self.messages.append(Message(text.place, wrong.lstrip(" ,:"), cure))
            elif not goes_on or (raised and text.words[0] != ";"):
                waiting.append(text)
        self.give_up(waiting)

    def give_up(self, waiting):
        self.problems += [f'{text.place.split(":")[0]}:{text.line}: "{text.words}" has no cure; add one behind "; ", or say in '
                          "docs/failures.py that it is none of Ekman's messages" for text in waiting]
        return []

    @staticmethod
    def list_of(text):
        return next((name for name, fits in LISTS.items() if fits.search(f"{text.place}:{text.call}")), None)

    def is_other(self, text, raised):
        file = text.place.split(":")[0]
        if file not in OTHER_TEXTS or self.list_of(text):
            return False
        if raised and (not OTHER_TEXTS[file] or OTHER_TEXTS[file].startswith("^(?!")):
            return False
        fits = re.search(OTHER_TEXTS[file], text.words) is not None
        if fits:
            self.fitted.add(file)
        return fits


def table_of(message):
    file = message.place.split(":")[0]
    if message.cure.startswith(OWN_MISTAKE):
        return "ekman", len(TABLES["ekman"])
    for place in (message.place, file):
        for table, places in TABLES.items():
            if place in places:
                return table, places.index(place)
    return None, 0


def in_markdown(words):
    return re.sub(r"([|<*])", r"\\\1", words.strip())


def tables(scan):
    """{name: Markdown} for the tables and lists."""
    rows = {table: {} for table in TABLES}
    for message in scan.messages:
        table, number = table_of(message)
        file = message.place.split(":")[0]
        if table is None:
            scan.problems.append(f"docs/failures.py: TABLES has no place for the messages of {file}, such as: {message.wrong}")
            continue
        key = (in_markdown(message.wrong), in_markdown(message.cure))
        rows[table].setdefault(key, [number, []])[1].append(f"`{file}`")
    blocks = {}
    for table, found in rows.items():
        lines = [f"| {wrong} | {cure} | {', '.join(dict.fromkeys(files))} |\n"
                 for (wrong, cure), (_, files) in sorted(found.items(), key=lambda row: row[1][0])]
        blocks[table] = "| message | cure | from |\n|---|---|---|\n" + "".join(lines)
    for name, found in scan.lists.items():
        blocks[name] = "".join(f"- {in_markdown(words)}\n" for words in dict.fromkeys(found))
    return blocks


def main():
    scan = Scan()
    blocks = tables(scan)
    old = PAGE.read_text()
    marks = re.compile(r"(<!-- (\w+): from docs/failures\.py -->\n).*?(<!-- end -->)", re.S)
    new = marks.sub(lambda found: found[1] + "\n" + blocks.pop(found[2], "") + "\n" + found[3], old)
    scan.problems += [f"docs/failures.md: no place for the table {name}" for name in blocks]
    if "--check" in sys.argv[1:]:
        if new != old:
            scan.problems.append("docs/failures.md is not what the sources say; run docs/failures.py, and commit what it writes")
    elif not scan.problems:
        PAGE.write_text(new)
    print("\n".join([*scan.problems, f"{len(scan.messages)} messages, {len(scan.problems)} problem(s)"]))
    sys.exit(bool(scan.problems))


main()
