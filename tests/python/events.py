"""Reads the event file of a run with TensorBoard's own reader and compares with metrics.jsonl.

usage: events.py RUN SAMPLE
"""

import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run, _ = sys.argv[1:]
lines = [json.loads(line) for line in pathlib.Path(run, "metrics.jsonl").read_text().splitlines()]
epochs = [line for line in lines if line["kind"] == "epoch"]
steps = [line for line in lines if line["kind"] == "step"]

# 0: keep every value, do not sample.
events = EventAccumulator(f"{run}/tensorboard", size_guidance={"scalars": 0})
events.Reload()
wanted = {
    "loss/batch": [(line["step"], line["loss"]) for line in steps],
    "learning_rate": [(line["step"], line["learning_rate"]) for line in steps],
}
for tag in ["loss/train", "loss/validation", "accuracy/train", "accuracy/validation"]:
    key = "_".join(reversed(tag.split("/")))
    values = [(line["step"], line[key]) for line in epochs if key in line]
    if values:
        wanted[tag] = values
assert sorted(events.Tags()["scalars"]) == sorted(wanted), events.Tags()
for tag, values in wanted.items():
    found = events.Scalars(tag)
    assert [event.step for event in found] == [step for step, _ in values], tag
    for event, (_, value) in zip(found, values):
        assert abs(event.value - value) <= 1e-6 * max(1.0, abs(value)), (tag, event, value)
    times = [event.wall_time for event in found]
    assert times == sorted(times) and times[-1] - times[0] <= epochs[-1]["seconds"] + 1e-3, tag
assert len(epochs) >= 2 and len(steps) > len(epochs)
print(f"agrees: {len(wanted)} scalars of {len(steps)} steps and {len(epochs)} epochs")
