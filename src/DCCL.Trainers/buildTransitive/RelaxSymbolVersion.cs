using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a shared library of 64-bit Linux and marks one symbol version that it asks for as weak, so that the loader
/// accepts a system without this version. It does so only where the version is asked for by one symbol that nothing uses.
/// Any other library is copied as it is: a later TorchSharp may need no help, or may need the version in earnest.
/// </summary>
public sealed class RelaxSymbolVersion : Task
{
    private const uint DynamicSymbols = 11;
    private const uint VersionNeeds = 0x6FFFFFFE;
    private const uint VersionTable = 0x6FFFFFFF;
    private const byte Weak = 2;

    private byte[] _image = Array.Empty<byte>();

    [Required]
    public string Source { get; set; } = "";

    [Required]
    public string Destination { get; set; } = "";

    [Required]
    public string SymbolVersion { get; set; } = "";

    [Required]
    public string UnusedSymbol { get; set; } = "";

    public override bool Execute()
    {
        FileInfo source = new FileInfo(Source);
        FileInfo destination = new FileInfo(Destination);

        // Not the time of the package's own file: a copy of that one in bin, of the same length, would pass for up to date.
        DateTime stamp = source.LastWriteTimeUtc.AddMinutes(1);
        if (destination.Exists && destination.LastWriteTimeUtc == stamp && destination.Length == source.Length)
        {
            return true;
        }

        _image = File.ReadAllBytes(Source);
        try
        {
            Relax();
        }
        catch (Exception e) when (e is IndexOutOfRangeException || e is ArgumentException)
        {
            Log.LogError("'{0}' must be a 64-bit ELF library, but its tables could not be read: {1} Restore the package anew.", Source, e.Message);
            return false;
        }

        // Write aside, then move, so that a build beside this one never reads half a file.
        Directory.CreateDirectory(destination.DirectoryName);
        string aside = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(aside, _image);
        File.SetLastWriteTimeUtc(aside, stamp);
        if (destination.Exists)
        {
            File.Delete(Destination);
        }

        File.Move(aside, Destination);
        return true;
    }

    private void Relax()
    {
        int needs = Section(VersionNeeds);
        int table = Section(VersionTable);
        int symbols = Section(DynamicSymbols);
        if (needs < 0 || table < 0 || symbols < 0)
        {
            return;
        }

        int names = (int)Long(Header((int)Int(needs + 40)) + 24);
        int numberOfFiles = (int)Int(needs + 44);
        int file = (int)Long(needs + 24);
        for (int i = 0; i < numberOfFiles; i++, file += (int)Int(file + 12))
        {
            int entry = file + (int)Int(file + 8);
            for (int j = 0; j < Short(file + 2); j++, entry += (int)Int(entry + 12))
            {
                if (Text(names + (int)Int(entry + 8)) == SymbolVersion && IsUnused(Short(entry + 6), table, symbols))
                {
                    _image[entry + 4] |= Weak;
                    Log.LogMessage("{0} of '{1}' is marked weak.", SymbolVersion, Source);
                }
            }
        }
    }

    // True where the version belongs to the one symbol that the library lists and never uses.
    private bool IsUnused(int version, int table, int symbols)
    {
        int names = (int)Long(Header((int)Int(symbols + 40)) + 24);
        int versions = (int)Long(table + 24);
        int symbol = (int)Long(symbols + 24);
        int numberOfSymbols = (int)(Long(symbols + 32) / 24);
        int seen = 0;
        for (int i = 0; i < numberOfSymbols; i++, symbol += 24)
        {
            if ((Short(versions + (2 * i)) & 0x7FFF) == version)
            {
                seen++;
                if (Text(names + (int)Int(symbol)) != UnusedSymbol)
                {
                    return false;
                }
            }
        }

        return seen == 1;
    }

    private int Section(uint type)
    {
        for (int i = 0; i < Short(60); i++)
        {
            if (Int(Header(i) + 4) == type)
            {
                return Header(i);
            }
        }

        return -1;
    }

    private int Header(int section)
    {
        return (int)Long(40) + (section * Short(58));
    }

    private ushort Short(int position)
    {
        return BitConverter.ToUInt16(_image, position);
    }

    private uint Int(int position)
    {
        return BitConverter.ToUInt32(_image, position);
    }

    private long Long(int position)
    {
        return BitConverter.ToInt64(_image, position);
    }

    private string Text(int position)
    {
        return Encoding.ASCII.GetString(_image, position, Array.IndexOf(_image, (byte)0, position) - position);
    }
}
