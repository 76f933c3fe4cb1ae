"""Statistics of the colorization Turing test (book chapters: evaluate, turing)."""

import json
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import torch

COVERAGE, RESAMPLES, SEED = 0.95, 2000, 0
PAPER_RATE = 0.323  # Zhang et al. 2016, table 1, the full method
RESULT_KIND, RESULT_FORMAT = "colorlab turing test", 1
SIDES = ("left", "right")


def rate_interval(successes: int, trials: int) -> tuple[float, float, float]:
    """Return a rate with its 95 % interval, for independent trials.

    Parameters
    ----------
    successes : int
        Of the trials.
    trials : int
        At least 1.

    Returns
    -------
    value, low, high : float
        In 0..1. Book chapter: evaluate.

    Raises
    ------
    ValueError
        If there are no trials, or more successes than trials.

    Notes
    -----
    The score interval of Wilson 1927: all rates from which the one seen is at most
    1.96 standard errors away, as that rate has them. Unlike the rate plus and minus
    1.96 standard errors, it stays in 0..1, and is no point where all or none succeed.

    Examples
    --------
    >>> [round(x, 3) for x in rate_interval(8, 32)]
    [0.25, 0.133, 0.421]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(
            "successes must be in 0..trials, and trials at least 1; "
            f"got {successes} of {trials}"
        )
    z = NormalDist().inv_cdf((1 + COVERAGE) / 2)  # 1.96
    rate, share = successes / trials, z**2 / trials
    middle = (rate + share / 2) / (1 + share)
    half = z * sqrt((rate * (1 - rate) + share / 4) / trials) / (1 + share)
    return rate, min(rate, middle - half), max(rate, middle + half)


def fooling_rate(answers: Mapping[str, Sequence[bool]]) -> tuple[float, float, float]:
    """Return the share of trials in which people took the colorized photo for the real.

    Parameters
    ----------
    answers : mapping of str to sequence of bool
        Of each person, for each trial, whether they were fooled.

    Returns
    -------
    value, low, high : float
        In 0..1; 0.5 would be no better than guessing. The 95 % interval resamples
        people, each with all her answers: some people are fooled more easily, so that
        answers of one person are alike. Of one person it is that of `rate_interval`,
        which knows nothing of that and is too narrow. Book chapter: evaluate.

    Raises
    ------
    ValueError
        If nobody answered, or somebody no trial.

    Notes
    -----
    The measure of Zhang et al. 2016, section 3.1, who find 32 % for their network.

    Examples
    --------
    >>> fooling_rate({"ann": [True, False], "ben": [False, False]})[0]
    0.25
    """
    if not answers or not all(map(len, answers.values())):
        raise ValueError(
            "answers must hold a person or more, each with a trial or more"
        )
    fooled = torch.tensor([sum(map(bool, given)) for given in answers.values()])
    trials = torch.tensor([len(given) for given in answers.values()])
    if len(answers) == 1:
        return rate_interval(int(fooled), int(trials))
    rng = torch.Generator().manual_seed(SEED)
    drawn = torch.randint(len(answers), (RESAMPLES, len(answers)), generator=rng)
    rates = fooled[drawn].sum(dim=1) / trials[drawn].sum(dim=1)
    low, high = rates.quantile(torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]))
    return (fooled.sum() / trials.sum()).item(), low.item(), high.item()


def read_results(
    folder: str | Path, pairs: str | None = None
) -> dict[str, dict[str, bool]]:
    """Read the result files of a class, as the page of the Turing test writes them.

    Parameters
    ----------
    folder : str or Path
        All its `.json` files are read.
    pairs : str, optional
        Version of the pairs that is wanted; None takes that of the first file.

    Returns
    -------
    dict of str to dict of str to bool
        Of each file, by its name, for each photo, whether it fooled the person.

    Raises
    ------
    ValueError
        If there is no file; or one is no result, is damaged, was written by another
        version of the page or for other pairs or other photos than the first, is a
        second try, or is there twice.

    Notes
    -----
    Results can be pooled where all people saw the same pairs, each for the first time.
    Book page: turing.
    """
    found = read_class(
        folder, (RESULT_KIND, RESULT_FORMAT), "pairs", _find_fault, pairs
    )
    return {
        name: {
            answer["photo"]: answer["painted"] != answer["chosen"]
            for answer in result["answers"]
        }
        for name, result in found.items()
    }


def read_class(
    folder: str | Path,
    kind: tuple[str, int],
    version: str,
    find_fault: Callable[[dict], str | None],
    wanted: str | None = None,
) -> dict[str, dict]:
    """Read the result files of a class, of the Turing test or of the game.

    Parameters
    ----------
    folder : str or Path
        All its `.json` files are read.
    kind : (str, int)
        The kind of result, such as "colorlab turing test", and its format.
    version : str
        Where a result names the version of what was shown: "pairs" or "rounds".
    find_fault : callable
        Gives what is wrong with one answer; None: nothing.
    wanted : str, optional
        That version; None takes the one of the first file.

    Returns
    -------
    dict of str to dict
        Of each file, by its name, what it holds. `answers` are of the same photos in
        all, each once.

    Raises
    ------
    ValueError
        As for `read_results`.

    Examples
    --------
    >>> read_class("nowhere", ("colorlab turing test", 1), "pairs", lambda _: None)
    Traceback (most recent call last):
    ValueError: folder must hold .json files, got nowhere
    """
    paths = sorted(Path(folder).glob("*.json"))
    if not paths:
        raise ValueError(f"folder must hold .json files, got {folder}")
    results: dict[str, dict] = {}
    runs: dict[str, Path] = {}
    photos: set[str] = set()
    for path in paths:
        result = _read_result(path, kind, version, find_fault)
        wanted = wanted or result[version]
        if result[version] != wanted:
            raise ValueError(
                f"{path}: results must be of one version of the {version}, {wanted}; "
                f"this is of {result[version]}"
            )
        if result["run"] in runs:
            raise ValueError(f"{path}: the same result as {runs[result['run']]}")
        runs[result["run"]] = path
        answered = {answer["photo"] for answer in result["answers"]}
        photos = photos or answered
        if odd := sorted(photos ^ answered):
            raise ValueError(
                f"{path}: results of one version must be of the same photos; "
                f"{odd[0]!r} is not in all"
            )
        results[path.stem] = result
    return results


def _read_result(
    path: Path,
    kind: tuple[str, int],
    version: str,
    find_fault: Callable[[dict], str | None],
) -> dict:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(result, ensure_ascii=False).encode()  # no lone surrogates
    except (ValueError, RecursionError) as error:  # of JSON, or of the encoding
        raise ValueError(f"{path}: damaged, no whole JSON file: {error}") from error
    name, number = kind
    if not isinstance(result, dict) or result.get("kind") != name:
        raise ValueError(f"{path}: no result of the {name.removeprefix('colorlab ')}")
    if result.get("format") != number:
        raise ValueError(
            f"{path}: format must be {number}, got {result.get('format')!r}: "
            "it was written by another version of the page"
        )
    if (wrong := _find_damage(result, version, find_fault)) is not None:
        raise ValueError(f"{path}: damaged: {wrong}")
    if result["round"] != 1:
        raise ValueError(
            f"{path}: try number {result['round']} of one person, who knew the photos"
        )
    return result


def _find_damage(
    result: dict, version: str, find_fault: Callable[[dict], str | None]
) -> str | None:
    """Return what a result lacks, if anything."""
    for key, kind in {version: str, "run": str, "round": int, "answers": list}.items():
        if type(result.get(key)) is not kind or not result[key]:  # true is no int
            return f"{key} is missing or no {kind.__name__}"
    for answer in result["answers"]:
        if not isinstance(answer, dict) or not isinstance(answer.get("photo"), str):
            return "an answer without its photo"
        if (fault := find_fault(answer)) is not None:
            return f"{fault} for {answer['photo']}"
    photos = [answer["photo"] for answer in result["answers"]]
    return "a photo is answered twice" if len(set(photos)) < len(photos) else None


def _find_fault(answer: dict) -> str | None:
    if all(answer.get(key) in SIDES for key in ("painted", "chosen")):
        return None
    return f"painted and chosen must be in {SIDES}"


def fooling_by_photo(
    results: Mapping[str, Mapping[str, bool]],
) -> dict[str, tuple[float, float, float]]:
    """Return for each photo the share of people whom it fooled.

    Parameters
    ----------
    results : mapping of str to mapping of str to bool
        As `read_results` returns them.

    Returns
    -------
    dict of str to (value, low, high)
        Most fooling first. Nobody sees a photo twice, so that the trials of one photo
        are of different people, and `rate_interval` holds. Book page: turing.

    Examples
    --------
    >>> results = {"ann": {"boat": True, "cat": False}, "ben": {"boat": True}}
    >>> {photo: rate[0] for photo, rate in fooling_by_photo(results).items()}
    {'boat': 1.0, 'cat': 0.0}
    """
    given: dict[str, list[bool]] = {}
    for answers in results.values():
        for photo, fooled in answers.items():
            given.setdefault(photo, []).append(bool(fooled))
    rates = {
        photo: rate_interval(sum(fooled), len(fooled))
        for photo, fooled in sorted(given.items())
    }
    return dict(sorted(rates.items(), key=lambda item: -item[1][0]))
