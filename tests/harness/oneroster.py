"""A OneRoster folder of one small district, with good rows and bad, for the tests of rosters and notes."""

from pathlib import Path

ORGS = """sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId
o1,active,,Adna Elementary School,school,530006000012,d1
d1,active,,Adna School District,district,5300060,
x1,active,,Region 4,local,,
"""
USERS = """sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email
u1,active,,true,wo,,Wilhelmina,Okonkwo,,,wo@adna.example
u2,active,,true,pt,,Pupil,Tester,,,pt@adna.example
u3,active,,false,it,,Ivo,Terrell,,,
u4,tobedeleted,,true,co,,Cora,Oakes,,,
"""
ROLES = """sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId
r1,active,,u1,primary,principal,2026-09-01,2027-06-30,o1,
r2,active,,u2,primary,student,,,o1,
r3,active,,u3,primary,itAdmin,,,d1,
r4,active,,u4,primary,coach,,,o1,
r5,active,,u1,secondary,bursar,,,o1,
r6,active,,u1,secondary,itAdmin,,,o1,
r7,active,,u9,primary,principal,,,o1,
r8,active,,u1,secondary,principal,soon,,o1,
r9,active,,u1,secondary,principal,,,x1,
"""
MANIFEST = "propertyName,value\noneroster.version,1.2\nsource.systemCode,adna-sis\n"


def folder(at: Path, *, more_users: str = "", **files: str) -> Path:
    """The folder, written as exports are: a mark at the beginning, Windows line ends. An empty text: no such file."""
    texts = {"orgs": ORGS, "users": USERS + more_users, "roles": ROLES, "manifest": MANIFEST, **files}
    for name, text in texts.items():
        if text:
            (at / f"{name}.csv").write_text("\ufeff" + text.replace("\n", "\r\n"), "utf-8")
    return at
