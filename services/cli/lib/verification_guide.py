"""VERIFY.md of a bundle: how it is verified with software that others wrote."""

from importlib import resources

from domain.evidence.bundles import BundleManifest


def verification_guide(manifest: BundleManifest) -> str:
    template = resources.files("services.cli.lib").joinpath("verification_guide.txt").read_text()
    program = resources.files("services.cli.lib").joinpath("verify_go.txt").read_text()
    keys = "\n".join(manifest.verifier_keys)
    return (
        template.replace("@ACCOUNT@", manifest.account_id)
        .replace("@SINCE@", manifest.since)
        .replace("@UNTIL@", manifest.until)
        .replace("@ORIGIN@", manifest.origin)
        .replace("@KEYS@", keys)
        .replace("@PROGRAM@", program.rstrip())
    )
