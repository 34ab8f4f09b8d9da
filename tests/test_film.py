"""Films: what is written, at what speed, and that nothing is lost where that fails."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from bridge import film
from bridge.errors import RenderError
from bridge.files import replacing
from bridge.window import frames_per_second
from native.core import FRAMES_PER_SECOND
from native.registry import make
from native.rollout import random_policy
from native.wrappers import one_team

Image = pytest.importorskip("PIL.Image")

FRAMES = [np.full((6, 8, 3), shade, np.uint8) for shade in (0, 90, 250)]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_be_a_string(tmp_path, kind):
    film.write(kind(tmp_path / "a.png"), FRAMES)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (8, 6)


@pytest.mark.parametrize("rate", [10, 50])
def test_a_gif_plays_at_the_speed_that_is_asked_for(tmp_path, rate):
    film.write(tmp_path / "a.gif", FRAMES, frames_per_second=rate)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.info["duration"] == 1000 / rate


@pytest.mark.parametrize("name", ["-x.mp4", "tcp:127.0.0.1:9.mp4", "a b%03d.mp4", "pipe:1.mp4"])
def test_a_path_is_never_an_option_or_an_address(tmp_path, monkeypatch, name):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    monkeypatch.chdir(tmp_path)
    film.write(name, FRAMES, frames_per_second=10)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert ffmpeg.count_frames_and_secs(str(tmp_path / name))[0] == len(FRAMES)
    told = [ffmpeg.get_ffmpeg_exe(), "-i", f"file:{tmp_path / name}"]
    assert " 10 fps" in subprocess.run(told, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("suffix", film.SUFFIXES)
def test_what_fails_leaves_the_file_of_before(tmp_path, suffix):
    pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"before")
    with pytest.raises((TypeError, ValueError)):
        film.write(path, [np.zeros((6, 8, 3), np.uint8), np.zeros((6,), object)])
    assert path.read_bytes() == b"before" and [*tmp_path.iterdir()] == [path]


def test_what_cannot_be_written_is_refused_in_our_words(tmp_path):
    (tmp_path / "folder.gif").mkdir()
    for path in (tmp_path / "folder.gif", tmp_path / "no" / "where.png"):
        with pytest.raises(RenderError, match="cannot write"):
            film.write(path, FRAMES)
    with pytest.raises(RenderError, match="no frames"):
        film.write(tmp_path / "a.gif", [])
    assert [path.name for path in tmp_path.iterdir()] == ["folder.gif"]


def test_a_file_is_replaced_in_one_go_and_keeps_its_mode(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_text("before")
    path.chmod(0o750)
    link.symlink_to(path)
    with pytest.raises(FileNotFoundError), replacing(link):
        Path("/nowhere/at/all").read_text()
    assert path.read_text() == "before"
    with replacing(link) as beside:
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o750
    assert {each.name for each in tmp_path.iterdir()} == {"a.txt", "link.txt"}


def test_families_have_their_own_speed():
    assert frames_per_second(make("simple_tag_v3")) == 10
    world = make("simple_tag_v3")
    assert frames_per_second(one_team(world, "adversary", _still)) == 10
    assert frames_per_second(make("gigastep_special_5_vs_5")) == FRAMES_PER_SECOND


def _still(key, world, group, state, params):
    del params
    return random_policy(world)(key, state)[group.name]


@pytest.mark.sampled
def test_adapters_tell_that_speed(one_agent_name):
    gymnasium = pytest.importorskip("gymnasium")
    from bridge.gymnasium import make as ours
    from bridge.gymnasium import make_vec

    rate = frames_per_second(make(one_agent_name))
    assert ours(one_agent_name).metadata["render_fps"] == rate
    assert make_vec(one_agent_name, num_envs=2).metadata["render_fps"] == rate
    if one_agent_name in gymnasium.registry:
        pytest.importorskip("pygame")
        assert gymnasium.make(one_agent_name).metadata["render_fps"] == rate


def test_the_adapters_of_many_agents_tell_it_too():
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import aec_env, parallel_env, parallel_vec_env

    for env in (
        parallel_env("simple_tag_v3"),
        aec_env("simple_tag_v3"),
        parallel_vec_env("simple_tag_v3", num_envs=2),
    ):
        assert env.metadata["render_fps"] == 10
    mpe2 = pytest.importorskip("mpe2")
    from mpe2 import simple_tag_v3

    del mpe2
    assert simple_tag_v3.parallel_env().metadata["render_fps"] == 10
