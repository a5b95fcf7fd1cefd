using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Native;

/// <summary>Translates Linux's error numbers to WASI's.</summary>
internal static class SystemErrors
{
    // Indexed by Linux's number.
    private static readonly Errno[] Table = CreateTable();

    /// <summary>The last failed call's error.</summary>
    public static Errno Last() => Translate(Marshal.GetLastSystemError());

    /// <summary>WASI's number for Linux's.</summary>
    public static Errno Translate(int error) => (uint)error < (uint)Table.Length ? Table[error] : Errno.Io;

    private static Errno[] CreateTable()
    {
        var table = new Errno[134];
        Array.Fill(table, Errno.Io);
        void Set(int error, Errno errno) => table[error] = errno;
        Set(0, Errno.Success);
        Set(1, Errno.Perm);
        Set(2, Errno.Noent);
        Set(3, Errno.Srch);
        Set(4, Errno.Intr);
        Set(5, Errno.Io);
        Set(6, Errno.Nxio);
        Set(7, Errno.TooBig);
        Set(8, Errno.Noexec);
        Set(9, Errno.Badf);
        Set(10, Errno.Child);
        Set(11, Errno.Again);
        Set(12, Errno.Nomem);
        Set(13, Errno.Acces);
        Set(14, Errno.Fault);
        Set(16, Errno.Busy);
        Set(17, Errno.Exist);
        Set(18, Errno.Xdev);
        Set(19, Errno.Nodev);
        Set(20, Errno.Notdir);
        Set(21, Errno.Isdir);
        Set(22, Errno.Inval);
        Set(23, Errno.Nfile);
        Set(24, Errno.Mfile);
        Set(25, Errno.Notty);
        Set(26, Errno.Txtbsy);
        Set(27, Errno.Fbig);
        Set(28, Errno.Nospc);
        Set(29, Errno.Spipe);
        Set(30, Errno.Rofs);
        Set(31, Errno.Mlink);
        Set(32, Errno.Pipe);
        Set(33, Errno.Dom);
        Set(34, Errno.Range);
        Set(35, Errno.Deadlk);
        Set(36, Errno.Nametoolong);
        Set(37, Errno.Nolck);
        Set(38, Errno.Nosys);
        Set(39, Errno.Notempty);
        Set(40, Errno.Loop);
        Set(42, Errno.Nomsg);
        Set(43, Errno.Idrm);
        Set(67, Errno.Nolink);
        Set(71, Errno.Proto);
        Set(72, Errno.Multihop);
        Set(74, Errno.Badmsg);
        Set(75, Errno.Overflow);
        Set(84, Errno.Ilseq);
        Set(88, Errno.Notsock);
        Set(89, Errno.Destaddrreq);
        Set(90, Errno.Msgsize);
        Set(91, Errno.Prototype);
        Set(92, Errno.Noprotoopt);
        Set(93, Errno.Protonosupport);
        Set(95, Errno.Notsup);
        Set(97, Errno.Afnosupport);
        Set(98, Errno.Addrinuse);
        Set(99, Errno.Addrnotavail);
        Set(100, Errno.Netdown);
        Set(101, Errno.Netunreach);
        Set(102, Errno.Netreset);
        Set(103, Errno.Connaborted);
        Set(104, Errno.Connreset);
        Set(105, Errno.Nobufs);
        Set(106, Errno.Isconn);
        Set(107, Errno.Notconn);
        Set(110, Errno.Timedout);
        Set(111, Errno.Connrefused);
        Set(113, Errno.Hostunreach);
        Set(114, Errno.Already);
        Set(115, Errno.Inprogress);
        Set(116, Errno.Stale);
        Set(122, Errno.Dquot);
        Set(125, Errno.Canceled);
        Set(130, Errno.Ownerdead);
        Set(131, Errno.Notrecoverable);
        return table;
    }
}
